"""The vocabulary of documents (F084)."""

from enum import StrEnum


class DocumentKind(StrEnum):
    """What a document is."""

    RECEIPT = "RECEIPT"
