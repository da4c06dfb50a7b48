"""What happened to the tariff of a line, for whoever sees the line (F107)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.access import HouseholdRole, Scope
from domain.catalogue import Allowance, TariffAction
from domain.money import Money
from domain.tariff import read_chosen
from loaders.actor import AuditActor
from loaders.visible import Line
from models.reader import Statement
from resolvers.context import Context
from resolvers.page import Page, page, position, size


@dataclass(frozen=True, slots=True)
class TariffHistoryEntry:
    """One event; `actor` is None where nobody is known to have done it, `charge` in minor units."""

    id: int
    line_id: int
    at: datetime
    action: TariffAction
    before_id: int | None
    tariff_id: int
    configuration: list[Allowance]
    charge_minor: int
    actor: AuditActor | None


def _entry(
    entry_id: int, line_id: int, at: datetime, action: str, before_id: int | None, tariff_id: int,
    configuration: list[dict[str, Any]], charge: int, actor: str | None, role: str | None, is_viewer: bool | None,
    staff: str | None,
) -> TariffHistoryEntry:  # fmt: skip
    return TariffHistoryEntry(
        id=entry_id,
        line_id=line_id,
        at=at,
        action=TariffAction(action),
        before_id=before_id,
        tariff_id=tariff_id,
        configuration=[Allowance(unit, value) for unit, value in read_chosen(configuration)],
        charge_minor=charge,
        actor=None
        if actor is None
        else AuditActor(actor, HouseholdRole(role) if role else None, bool(is_viewer), staff is not None),
    )


# What a number was changed to before it came to its contract is no news of this line (N3).
_OF_LINE = """
from tariff_event e join line l on l.id = e.line_id left join app_user u on u.id = e.actor_id
where (l.reissued_at is null or e.at >= l.reissued_at)
"""
_COLUMNS = """
e.id, e.line_id, e.at, e.action, e.before_id, e.tariff_id, e.configuration, e.charge, u.display_name, e.actor_role,
e.actor_id = $1, e.staff
"""
_PAGE = Statement(
    f"""
select {_COLUMNS} {_OF_LINE} and e.line_id = $2 and ($3::bigint is null or e.id < $3) order by e.id desc limit $4
""",
    _entry,
)
_ONE: Statement[TariffHistoryEntry] = Statement(f"select {_COLUMNS} {_OF_LINE} and e.id = $2", _entry)
_COUNT = Statement(f"select count(*) {_OF_LINE} and e.line_id = $1", int)


async def history(
    context: Context, line: Line, first: int | None, after: str | None
) -> Page[TariffHistoryEntry] | None:
    """A page of a line's history, newest first; None where it is not the viewer's to see, or not offered."""
    limit, place = size(first), position(after, int)
    if not _sees(context, line):
        return None
    reads, viewer = context.reads, context.require_viewer()
    found = await reads.fetch(_PAGE, viewer.user_id, line.id, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await reads.fetch_one(_COUNT, line.id) or 0

    return page(found[:limit], limit, place, lambda entry: [entry.id], count, has_more=len(found) > limit)


async def by_id(context: Context, entry_id: int) -> TariffHistoryEntry | None:
    """An entry that the viewer may see."""
    if context.viewer is None:
        return None
    found = await context.reads.fetch_one(_ONE, context.viewer.user_id, entry_id)
    line = None if found is None else await context.loaders.line_by_id.load(found.line_id)
    return found if line is not None and _sees(context, line) else None


def charge(context: Context, entry: TariffHistoryEntry) -> Money:
    """What was charged at once."""
    return Money(entry.charge_minor, context.profile.operator.currency)


def _sees(context: Context, line: Line) -> bool:
    profile = context.profiles.get(line.operator)
    known = profile is not None and profile.tariffs.history
    return known and context.viewer is not None and line.allows(Scope.VIEW)
