"""What gateways tell of messages that they took (N10), noted in the outbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from gateways.messages import Receipt
from models.database import credentials

_CONNECTIONS = 2
# A receipt can overtake the note of what its message is called: it is looked for again after so many seconds.
_PAUSES = (0.1, 0.5, 1.5)

_log = structlog.get_logger()

# Gateways use their names again after a while: the newest message of that name is meant. The first final word stands,
# since some gateways repeat themselves in any order.
_NOTE = """
update outbox set delivery = case when delivery in ('DELIVERED', 'FAILED') then delivery else $2 end
where id = (select id from outbox where gateway_id = $1 order by id desc limit 1)
returning id
"""


class Receipts:
    """Notes receipts, each as it comes."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def note(self, receipt: Receipt) -> None:
        """Write down what became of a message; one that is not known is passed over.

        Raises what the database raises: the gateway is then to tell again.
        """
        for pause in _PAUSES:
            if await self._noted(receipt):
                return
            await asyncio.sleep(pause)
        if not await self._noted(receipt):
            _log.info("a receipt of an unknown message", delivery=receipt.delivery)

    async def _noted(self, receipt: Receipt) -> bool:
        return await self._pool.fetchval(_NOTE, receipt.gateway_id, receipt.delivery) is not None


@asynccontextmanager
async def receipts(url: str) -> AsyncIterator[Receipts]:
    """Receipts with connections of their own, opened at the first one."""
    pool = asyncpg.create_pool(**credentials(url), min_size=0, max_size=_CONNECTIONS, timeout=5, command_timeout=5)
    async with pool:
        yield Receipts(pool)
