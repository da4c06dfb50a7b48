"""Services of several kinds together at a discount (F110)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from domain.line import ServiceKind
from domain.money import Money
from models.reader import Statement
from resolvers.context import Context

_COLUMNS = "b.id, b.code, b.name, b.kinds, b.fee, b.discount_percent, b.terms, b.archived"


class _Row(NamedTuple):
    id: int
    code: str
    name: str
    kinds: list[str]
    fee_minor: int
    discount_percent: int
    terms: str
    archived: bool


_SOLD = Statement(
    f"select {_COLUMNS} from bundle b where b.operator = $1 and not b.archived and b.kinds @> $2::text[] order by b.id",
    _Row,
)
_BY_ID = Statement(f"select {_COLUMNS} from bundle b where b.operator = $1 and b.id = $2", _Row)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Services of several kinds; `fee` a month, with the discount taken off."""

    id: int
    code: str
    name: str
    kinds: list[ServiceKind]
    fee: Money
    discount_percent: Decimal
    terms: str | None
    archived: bool


async def bundles(context: Context, kinds: Sequence[ServiceKind] | None) -> list[Bundle]:
    """The operator's bundles that have all of these kinds in them, in the order of its catalogue."""
    rows = await context.reads.fetch(_SOLD, context.profile.operator.id, list(kinds or ()))
    return [_bundle(context, row) for row in rows]


async def by_id(context: Context, bundle_id: int) -> Bundle | None:
    """A bundle of the operator's, sold no more or not."""
    row = await context.reads.fetch_one(_BY_ID, context.profile.operator.id, bundle_id)
    return None if row is None else _bundle(context, row)


def _bundle(context: Context, row: _Row) -> Bundle:
    return Bundle(
        id=row.id,
        code=row.code,
        name=row.name,
        kinds=[ServiceKind(kind) for kind in row.kinds],
        fee=Money(row.fee_minor, context.profile.operator.currency),
        discount_percent=Decimal(row.discount_percent),
        terms=row.terms or None,
        archived=row.archived,
    )
