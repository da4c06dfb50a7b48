"""Tariffs side by side (F103)."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.features import feature
from domain.tariff_comparison import FEWEST, MOST, ComparisonRow, compare
from domain.wording import language_of
from loaders.catalogue import Tariff
from models.offering import TARIFF_FITS
from models.reader import Statement
from resolvers import node_id
from resolvers.catalogue import line_shown
from resolvers.context import Context
from resolvers.errors import feature_disabled, invalid_input, not_found


@dataclass(frozen=True, slots=True)
class TariffComparison:
    """Tariffs in the order in which they were asked for, and what is compared of them."""

    tariffs: list[Tariff]
    rows: list[ComparisonRow]


# Of these tariffs, the line's own and those that it may change to.
_SOLD_TO = Statement(
    f"""
select t.id from tariff t, line l where l.id = $1 and t.id = any($2::bigint[]) and (({TARIFF_FITS})
  or exists (select from tariff_subscription own where own.line_id = l.id and own.tariff_id = t.id))
""",
    int,
)


async def compared(context: Context, global_ids: Sequence[str], for_line: str | None) -> TariffComparison:
    """Two to five tariffs of one kind, archived ones included: the line's own may be one. Raises CallerError.

    With the id of a line only its own and those that it may change to are compared.
    """
    flag = feature(context.profile, "tariffs.compare")
    if not flag.enabled:
        raise feature_disabled(flag.reason or "Not offered by this operator")
    if not FEWEST <= len(set(global_ids)) == len(global_ids) <= MOST:
        raise invalid_input(f"`ids` must be {FEWEST} to {MOST} tariffs, each once")
    line = None if for_line is None else await line_shown(context, for_line)
    wanted = [node_id.decode(each) for each in global_ids]
    keys = [node_id.integer_key(each) for each in wanted if each is not None and each.type_name == "Tariff"]
    found = await context.loaders.tariff_by_id.load_many([key for key in keys if key is not None])
    tariffs = [each for each in found if each is not None]
    if len(tariffs) < len(global_ids):
        raise not_found("There is no such tariff among those of `ids`")
    if line is not None:
        sold = await context.reads.fetch(_SOLD_TO, line.id, [tariff.id for tariff in tariffs])
        if len(sold) < len(tariffs):
            raise not_found("Not all tariffs of `ids` are sold to this line")
    if len({tariff.kind for tariff in tariffs}) > 1:
        raise invalid_input("`ids` must be tariffs for one kind of line")
    language = language_of(context.profile, context.viewer.language if context.viewer else None)
    return TariffComparison(tariffs, compare(tariffs, language))
