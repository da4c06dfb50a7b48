"""What billing told last, kept in PostgreSQL, for the moments when it does not answer (N9)."""

import asyncio
from collections.abc import Sequence

import asyncpg
import structlog

from gateways.billing import Balance, Billing, PackageRemain, UsageItem, UsageKey
from gateways.ledger_billing import REMAINS, USAGE, columns
from models.reader import Reader, Statement

# A balance that changed is written this soon after somebody saw it.
WRITE_SECONDS = 2.0

_SNAPSHOTS = Statement(
    """
select account_id, currency, available, credit, reserved, next_charge, next_charge_at, as_of, true
from balance_snapshot where account_id = any($1::bigint[])
""",
    Balance,
)

# What has not changed is confirmed once a minute at the most, so that looking costs next to no writing.
_REMEMBER = """
insert into balance_snapshot
  (account_id, currency, available, credit, reserved, next_charge, next_charge_at, as_of)
select * from unnest(
  $1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[],
  $8::timestamptz[])
on conflict (account_id) do update set
  currency = excluded.currency, available = excluded.available, credit = excluded.credit,
  reserved = excluded.reserved, next_charge = excluded.next_charge, next_charge_at = excluded.next_charge_at,
  as_of = excluded.as_of
where balance_snapshot.as_of < excluded.as_of and (
  balance_snapshot.as_of < excluded.as_of - interval '1 minute'
  or (balance_snapshot.available, balance_snapshot.credit, balance_snapshot.reserved,
      balance_snapshot.next_charge, balance_snapshot.next_charge_at)
    is distinct from
    (excluded.available, excluded.credit, excluded.reserved, excluded.next_charge, excluded.next_charge_at))
"""

_log = structlog.get_logger()


class LastKnown:
    """The same answers as billing's, marked stale: balances from their snapshots, the rest from the counters."""

    remote = False

    async def balances(self, reads: Reader, account_ids: Sequence[int]) -> Sequence[Balance]:
        return await reads.fetch(_SNAPSHOTS, account_ids)

    async def remains(self, reads: Reader, line_ids: Sequence[int]) -> Sequence[PackageRemain]:
        return await reads.fetch(REMAINS, line_ids, True)

    async def usage(self, reads: Reader, keys: Sequence[UsageKey]) -> Sequence[UsageItem]:
        return await reads.fetch(USAGE, *columns(keys))


class RememberedBilling:
    """Billing whose balances are remembered: noted as they pass, and written a little later, all together.

    A process that is killed forgets the last two seconds of what it saw, which the next look brings back.
    """

    def __init__(self, billing: Billing, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.remote = billing.remote
        self._billing = billing
        self._pool = pool
        self._seen: dict[int, Balance] = {}

    async def balances(self, reads: Reader, account_ids: Sequence[int]) -> Sequence[Balance]:
        told = await self._billing.balances(reads, account_ids)
        self._seen.update((balance.account_id, balance) for balance in told)
        return told

    async def remains(self, reads: Reader, line_ids: Sequence[int]) -> Sequence[PackageRemain]:
        return await self._billing.remains(reads, line_ids)

    async def usage(self, reads: Reader, keys: Sequence[UsageKey]) -> Sequence[UsageItem]:
        return await self._billing.usage(reads, keys)

    async def write_for_ever(self) -> None:
        """Write what was seen, every two seconds, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            try:
                await self.write()
            except Exception as error:  # whatever it is, the next balances are to be remembered again
                _log.warning("balances were not remembered", error=type(error).__name__)

    async def write(self) -> None:
        """Write what was seen since the last time."""
        seen, self._seen = self._seen, {}
        if not seen:
            return
        # In one order, so that two processes never wait for each other in a circle.
        ordered = [seen[account_id] for account_id in sorted(seen)]
        *told, _ = zip(*ordered, strict=True)
        async with self._pool.acquire(timeout=WRITE_SECONDS) as connection:
            await connection.execute(_REMEMBER, *map(list, told))
