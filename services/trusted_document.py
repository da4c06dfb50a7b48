"""Publishing trusted documents, all of a manifest at once and for every worker from now on, and withdrawing them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from models.database import tx
from models.notify import notify
from models.trusted_document import WITHDRAWN

# A text is its digest's for ever: what is there already need not be written again.
_PUBLISH = """
insert into trusted_document (digest, text) select * from unnest($1::text[], $2::text[])
on conflict do nothing returning digest
"""
_WITHDRAW = "delete from trusted_document where digest = $1 returning digest"
_LIST = "select digest, text, published_at from trusted_document order by published_at, digest"


@dataclass(frozen=True, slots=True)
class Published:
    """How many documents were new, and how many had been published before."""

    new: int
    known: int

    def __str__(self) -> str:
        return f"Published {self.new} documents; {self.known} were known."


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """A document that was published."""

    digest: str
    text: str
    published_at: datetime


async def publish(texts: Mapping[str, str]) -> Published:
    """Trust these documents, texts by digest, from now on."""

    async def work(connection: BaseDBAsyncClient) -> Published:
        new = await connection.execute_query_dict(_PUBLISH, [list(texts), list(texts.values())])
        return Published(len(new), len(texts) - len(new))

    return await tx(work)


async def withdraw(digest: str) -> bool:
    """Trust a document no longer, in any worker; whether it was published."""

    async def work(connection: BaseDBAsyncClient) -> bool:
        gone = await connection.execute_query_dict(_WITHDRAW, [digest])
        await notify(connection, WITHDRAWN)
        return bool(gone)

    return await tx(work)


async def published() -> list[TrustedDocument]:
    """All that was published, the oldest first."""

    async def work(connection: BaseDBAsyncClient) -> list[TrustedDocument]:
        return [TrustedDocument(**row) for row in await connection.execute_query_dict(_LIST)]

    return await tx(work)
