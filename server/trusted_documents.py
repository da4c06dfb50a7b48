"""Trusted documents: manifests that are read and looked through as a whole, and the word that one is withdrawn."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse

from domain.trusted_document import ManifestRejected, read_manifest
from models.trusted_document import WITHDRAWN
from schema.documents import Documents, Refused
from server.failure import StartFailure
from server.live import Hub

_MOST_PROBLEMS = 50


def trusted_manifest(file: Path, documents: Documents) -> dict[str, str]:
    """The documents of a manifest, texts by digest, each of which may be executed and is trusted from now on.

    Raises StartFailure with a line per problem.
    """
    try:
        texts = read_manifest(file.read_bytes())
    except OSError as error:
        raise StartFailure(f"{file} cannot be read: {error.strerror}") from error
    except ManifestRejected as rejected:
        raise StartFailure(*_told(file, rejected.problems)) from rejected
    if problems := [problem for key, text in texts.items() for problem in _problems(key, text, documents)]:
        raise StartFailure(*_told(file, problems))
    return texts


async def forget_withdrawn(hub: Hub, documents: Documents) -> None:
    """Look published documents up anew whenever one is withdrawn, in whichever process; until cancelled."""
    ear = hub.ear()
    ear.listen([WITHDRAWN])
    try:
        while await ear.wait():
            ear.heard()
            documents.forget_published()
    finally:
        ear.close()


def operations(text: str) -> str:
    """The names of a document's operations, for people."""
    return ", ".join(node.name.value if node.name else "without a name" for node in _operations(parse(text)))


def _problems(key: str, text: str, documents: Documents) -> Iterator[str]:
    """Why a document would never be executed."""
    try:
        prepared = documents.trust(text)
    except Refused as refused:
        yield from (f"{key} ({operations(text)}): {_reason(error)}" for error in refused.errors)
    except GraphQLError as error:
        yield f"{key}: {_reason(error)}"
    else:
        if not prepared.costs:
            yield f"{key}: it has no operation"
        for node in _operations(prepared.document):
            # The smallest pages that may be asked for.
            variables = dict.fromkeys((each.variable.name.value for each in node.variable_definitions or ()), 1)
            least, most = prepared.costs[node.name.value if node.name else None].of(variables), documents.limits.cost
            if least > most:
                yield f"{key} ({operations(text)}): it would cost {least} or more, and {most} is the most"


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


def _reason(error: GraphQLError) -> str:
    place = f"line {error.locations[0].line}: " if error.locations else ""
    return f"{place}{error.message}"


def _told(file: Path, problems: Sequence[str]) -> list[str]:
    told = [f"{file}: {problem}" for problem in problems[:_MOST_PROBLEMS]]
    return told if len(told) == len(problems) else [*told, f"{file}: and {len(problems) - len(told)} more"]
