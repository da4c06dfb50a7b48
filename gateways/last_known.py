"""What billing told last, kept in PostgreSQL, for the moments when it does not answer (N9)."""

from collections.abc import Sequence

from gateways.billing import Balance, PackageRemain, UsageItem, UsageKey
from gateways.ledger_billing import REMAINS, USAGE, columns
from models.reader import Reader, Statement

_SNAPSHOTS = Statement(
    """
select account_id, currency, available, credit, reserved, next_charge, next_charge_at, as_of, true
from balance_snapshot where account_id = any($1::bigint[])
""",
    Balance,
)


class LastKnown:
    """The same answers as billing's, marked stale: balances from their snapshots, the rest from the counters."""

    remote = False

    async def balances(self, reads: Reader, account_ids: Sequence[int]) -> Sequence[Balance]:
        return await reads.fetch(_SNAPSHOTS, account_ids)

    async def remains(self, reads: Reader, line_ids: Sequence[int]) -> Sequence[PackageRemain]:
        return await reads.fetch(REMAINS, line_ids, True)

    async def usage(self, reads: Reader, keys: Sequence[UsageKey]) -> Sequence[UsageItem]:
        return await reads.fetch(USAGE, *columns(keys))
