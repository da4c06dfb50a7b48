"""`hearth documents publish | list | withdraw`: the documents that clients send by their ids."""

from __future__ import annotations

from collections.abc import Mapping

from server.command_database import command_database, prepare_for_development, run, with_database
from server.failure import StartFailure
from server.settings import Settings
from server.trusted_documents import operations
from services import trusted_document


def publish_documents(settings: Settings, texts: Mapping[str, str]) -> None:
    """Trust the documents of a manifest, texts by digest, in every worker."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        print(run(with_database(settings, url, trusted_document.publish(texts))))


def list_documents(settings: Settings) -> None:
    """Print the documents that were published, one a line, and the operations in each."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        for each in run(with_database(settings, url, trusted_document.published())):
            print(f"{each.digest}\t{each.published_at:%Y-%m-%d %H:%M}\t{operations(each.text)}")


def withdraw_document(settings: Settings, document_id: str) -> None:
    """Trust a published document no longer, at once in every worker. Raises StartFailure where there is none."""
    with command_database(settings) as (url, profiles):
        prepare_for_development(settings, url, profiles)
        withdrawn = trusted_document.withdraw(document_id.removeprefix("sha256:"))
        if not run(with_database(settings, url, withdrawn)):
            raise StartFailure(f"No document {document_id!r} is published")
    print(f"{document_id}\twithdrawn")
