"""Which document a request wants: its own text, or one that is known by the sha256 of its text."""

import re
from contextlib import suppress
from typing import Literal

from graphql import GraphQLError

from domain.trusted_document import digest
from models.reader import Reader
from models.trusted_document import TEXT
from schema.documents import Documents, Refused
from server.graphql_request import GraphQLRequest

Accepted = Literal["any", "automatic", "trusted"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


class DocumentLookup:
    """Finds the text of a document, which `Documents` has prepared already where it is known.

    `accepted` says what is executed: `trusted` documents only, `any` other too as long as its text is sent along, or
    that and by its id what somebody sent before (`automatic`, which is Apollo's automatic persisting).
    """

    def __init__(self, documents: Documents, accepted: Accepted) -> None:
        self._documents = documents
        self._accepted = accepted

    async def text(self, wanted: GraphQLRequest, reads: Reader) -> str:
        """The text of the document. Raises GraphQLError for one that is not known, or not accepted."""
        if wanted.query is not None and self._accepted != "trusted":
            if wanted.document_id is not None:
                _key(wanted)
            return wanted.query
        key = _key(wanted)
        if key is not None and (trusted := await self._trusted(key, reads)) is not None:
            return trusted
        if self._accepted == "trusted":
            raise _refusal("Only documents that are trusted here are executed", "DOCUMENT_NOT_TRUSTED")
        if key is not None and self._accepted == "automatic" and (sent := self._documents.sent(key)) is not None:
            return sent
        if not wanted.persisted:
            raise _refusal("No document is known by that `documentId`", "DOCUMENT_NOT_FOUND")
        # The words by which Apollo's clients know whether to send the text, and the hash with it again.
        if self._accepted == "automatic":
            raise _refusal("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
        raise _refusal("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")

    async def _trusted(self, key: str, reads: Reader) -> str | None:
        """The text of a trusted document: one that is not known in this process may have been published just now."""
        if (known := self._documents.trusted(key)) is not None:
            return known
        era = self._documents.era
        text = await reads.fetch_one(TEXT, key)
        # One that was withdrawn meanwhile is executed this once.
        if text is not None and era == self._documents.era:
            # What does not fit the schema any more is told by executing it.
            with suppress(GraphQLError, Refused):
                self._documents.trust(text)
        return text


def _key(wanted: GraphQLRequest) -> str | None:
    """The digest of the document; None for an id that is none. Raises GraphQLError for an id that is another text's."""
    given = wanted.document_id and wanted.document_id.removeprefix("sha256:")
    if wanted.query is None:
        return given if given and _SHA256.fullmatch(given) else None
    actual = digest(wanted.query)
    if given not in (None, actual):
        raise _refusal("provided sha does not match query", "PERSISTED_QUERY_HASH_MISMATCH")
    return actual


def _refusal(message: str, code: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})
