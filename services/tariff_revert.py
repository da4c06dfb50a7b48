"""Taking a change of tariff back while what was left of the tariff before is paid for (F108, E50).

It costs nothing and gives no money back: the period that was paid for goes on where it was left, with the packages
as they were then. Whatever came after the change is taken back with it, and can be taken back once.
"""

from dataclasses import dataclass
from datetime import datetime

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.catalogue import TariffAction
from domain.payment_rules import check_key
from domain.profile import Profile
from domain.quote_refusals import QuoteRejected
from domain.refusals import FeatureDisabled, IdempotencyConflict, InputRejected, NotFound
from domain.tariff_refusals import TariffChangeAwaited, TariffNotAvailable, TariffNotReverted
from domain.usage_limit_refusals import OwnerToBeAsked
from models import audit
from models.database import tx
from services import line_change, tariff_making, tariff_notice, tariff_offer, tariff_packages, tariff_row
from services.line_change import Named, Repeated
from services.payment_entry import digest
from services.tariff_change import TariffChanged
from services.tariff_making import By
from services.tariff_row import LineHeld, NotHeld

_NO_ENTRY = NotFound("There is no such entry in the history of this line", ("historyEntryId",))

# An entry after which something was taken back is over; so is one of a user who had the number before.
_FOUND = """
select e.id, e.before_id, t.name, t.archived, r.paid_until, r.configuration, r.options_fee, r.charge_day, r.since,
  r.months_from, r.packages, coalesce(r.paid_until > now(), false)
    and not exists (select from tariff_event n where n.line_id = e.line_id and n.id > e.id and n.action = 'REVERT')
    as is_open
from tariff_event e join line l on l.id = e.line_id
left join tariff t on t.id = e.before_id left join tariff_rest r on r.event_id = e.id
where e.line_id = $1 and ($2::bigint is null or e.id = $2) and (l.reissued_at is null or e.at >= l.reissued_at)
order by e.id desc limit 1
"""
_REVERT = """
update tariff_subscription set tariff_id = $2, configuration = $3::jsonb, options_fee = $4, since = $5,
  months_from = $6, next_charge_at = $7, charge_day = $8, unpaid_since = null, changes = changes + 1
where line_id = $1
"""

Refused = (
    NotHeld
    | FeatureDisabled
    | InputRejected
    | IdempotencyConflict
    | QuoteRejected
    | OwnerToBeAsked
    | TariffChangeAwaited
    | TariffNotAvailable
    | TariffNotReverted
)


async def revert(
    profile: Profile, viewer: Viewer, key: str, line_id: int, entry_id: int | None
) -> TariffChanged | Refused:
    """Go back to the tariff before an entry of the history, or before the last one, once for each key."""
    if refused := tariff_offer.off(profile, "tariffs.revert") or check_key(key):
        return refused
    named = Named(viewer.user_id, line_id, key, digest("tariff reverted", line_id, entry_id))

    async def work(connection: BaseDBAsyncClient) -> TariffChanged | Refused:
        before = await line_change.before(connection, named)
        if isinstance(before, Repeated):
            return TariffChanged(line_id)
        if before is not None:
            return before
        line = await tariff_row.hold(connection, profile, viewer, line_id)
        if not isinstance(line, LineHeld):
            return line
        if line.asks:
            return OwnerToBeAsked()
        event = await _revert(connection, profile, By(viewer, line, approved=True), entry_id)
        if not isinstance(event, int):
            return event
        await line_change.done(connection, named, event)
        return TariffChanged(line.id)

    return await tx(work)


@dataclass(frozen=True, slots=True)
class _Before:
    """The tariff before an entry, and what was left of it."""

    id: int
    before_id: int | None
    name: str
    archived: bool
    paid_until: datetime
    configuration: str
    options_fee: int
    charge_day: int | None
    since: datetime
    months_from: datetime | None
    packages: str
    is_open: bool


async def _revert(
    connection: BaseDBAsyncClient, profile: Profile, by: By, entry_id: int | None
) -> int | NotFound | TariffChangeAwaited | TariffNotAvailable | TariffNotReverted:
    line = by.line
    rows = await connection.execute_query_dict(_FOUND, [line.id, entry_id])
    if not rows:
        return TariffNotReverted() if entry_id is None else _NO_ENTRY
    found = _Before(**rows[0])
    if line.tariff is not None and line.tariff.pending_at is not None:
        return TariffChangeAwaited()
    if found.archived:
        return TariffNotAvailable("The tariff before is archived: nobody changes to it any more", ("historyEntryId",))
    if line.tariff is None or found.before_id is None or not found.is_open:
        return TariffNotReverted()
    told = [found.before_id, found.configuration, found.options_fee, found.since, found.months_from]
    await connection.execute_query(_REVERT, [line.id, *told, found.paid_until, found.charge_day])
    await tariff_packages.restore(connection, line.id, orjson.loads(found.packages))
    action, now = TariffAction.REVERT, line.tariff.plan.id
    event = await tariff_making.note(connection, by, action, now, found.before_id, found.configuration, 0)
    await audit.record(connection, by.actor, "TARIFF_REVERTED", by.about, tariff=found.name)
    await tariff_notice.reverted(connection, profile, line.id, found.name, by=by.actor.user_id)
    return event
