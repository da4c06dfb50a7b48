"""Trusted documents: what a client's build listed as all that the client ever sends, each by the sha256 of its text."""

import hashlib
import json
from collections.abc import Iterable, Iterator

# What Apollo's tools write in a manifest of theirs.
_APOLLO_FORMAT = "apollo-persisted-query-manifest"
_APOLLO_VERSION = 1


class ManifestRejected(ValueError):
    """A manifest that is not taken; `problems` has one line for each thing that is wrong."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def digest(text: str) -> str:
    """The sha256 of a document's text as 64 hexadecimal digits, which is its id. Raises UnicodeEncodeError."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(content: bytes) -> dict[str, str]:
    """The documents that a tool listed, texts by digest.

    Relay and graphql-codegen write `{id: text}`, Apollo a format of its own. Raises ManifestRejected. Whether the
    documents fit the schema is not looked at.
    """
    try:
        data = json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ManifestRejected(f"this is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ManifestRejected("this is not an object of documents by their ids")
    documents = list(_apollo(data) if data.get("format") == _APOLLO_FORMAT else data.items())
    if problems := list(_problems(documents)):
        raise ManifestRejected(*problems)
    return {digest(str(text)): str(text) for _, text in documents}


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(named := dict(pairs)) < len(pairs):
        raise ValueError("it names a key twice")
    return named


def _apollo(manifest: dict[str, object]) -> Iterator[tuple[object, object]]:
    version, operations = manifest.get("version"), manifest.get("operations")
    if version != _APOLLO_VERSION or not isinstance(operations, list):
        raise ManifestRejected(f"of {_APOLLO_FORMAT} version {_APOLLO_VERSION} is read, with a list of `operations`")
    for operation in operations:
        if not isinstance(operation, dict):
            raise ManifestRejected("an operation is not an object with an `id` and a `body`")
        yield operation.get("id"), operation.get("body")


def _problems(documents: Iterable[tuple[object, object]]) -> Iterator[str]:
    for given, text in documents:
        if not isinstance(given, str) or not isinstance(text, str):
            yield f"{given}: the id and the text must be strings"
            continue
        try:
            actual = digest(text)
        except UnicodeEncodeError:
            yield f"{given}: the text is not Unicode"
            continue
        if given.removeprefix("sha256:") != actual:
            yield f"{given}: the id is not the sha256 of the text, {actual}: set the tool's algorithm to sha256"
