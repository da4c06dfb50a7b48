"""Saying how much of its household's pool a line may take (F156)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import scopes, shares_pool
from domain.money import MoneyRejected, parse_amount
from domain.profile import Profile
from domain.refusals import Forbidden, InputRejected, NotFound
from models import audit
from models.audit import About
from models.database import tx
from models.notify import notify
from models.pool import TAKERS, remains_changed
from models.standing import standing_to
from services import household_row
from services.household import HouseholdChanged
from services.household_row import NO_HOUSEHOLD

MOST = 2**50
"""No share is greater: a petabyte."""

Refused = NotFound | Forbidden | InputRejected

_NO_LINE = NotFound("There is no such line in this household", ("lineId",))
_NOT_YOURS = Forbidden("The shares of the household's pool are not yours to set", ("lineId",))
_ELSEWHERE = Forbidden("This line takes of another household's pool", ("lineId",))

# A line that is in several households takes of one pool.
_LINE = f"""
select l.account_id, l.user_id, exists (
  select from pool_share s join ({TAKERS}) t on t.line_id = s.line_id and t.household_id = s.household_id
  where s.line_id = l.id and s.household_id <> $2) as elsewhere
from line l where l.id = $1
  and exists (select from ({TAKERS}) t where t.line_id = l.id and t.household_id = $2)
"""
_SET = """
insert into pool_share (household_id, line_id, cap, used) values ($1, $2, $3, 0)
on conflict (line_id) do update set household_id = excluded.household_id, cap = excluded.cap,
  used = case when pool_share.household_id = excluded.household_id then pool_share.used else 0 end
"""


@dataclass(frozen=True, slots=True)
class ShareWanted:
    """How many bytes a line may take in a period, as somebody typed it; None: as many as there are."""

    household_id: int | None
    line_id: int
    cap: str | None


async def set_share(profile: Profile, viewer: Viewer, wanted: ShareWanted) -> HouseholdChanged | Refused:
    """Set the share of a line of the household; it holds at once, for what was taken already too. 0 is nothing."""

    async def work(connection: BaseDBAsyncClient) -> HouseholdChanged | Refused:
        household = await household_row.hold(connection, profile.operator.id, wanted.household_id)
        member = None if household is None else household.member_of(viewer.user_id)
        if household is None or member is None:
            return NO_HOUSEHOLD
        rows = await connection.execute_query_dict(_LINE, [wanted.line_id, household.id])
        if not rows:
            return _NO_LINE
        [line] = rows
        standing = await standing_to(
            connection, profile.operator.id, viewer.user_id, account_id=line["account_id"], line_id=wanted.line_id
        )
        today = datetime.now(profile.operator.zone).date()
        if not shares_pool(member.role, scopes(standing, viewer.access_level, profile, today)):
            return _NOT_YOURS
        if line["elsewhere"]:
            return _ELSEWHERE
        cap = _read(wanted.cap)
        if isinstance(cap, InputRejected):
            return cap
        await connection.execute_query(_SET, [household.id, wanted.line_id, cap])
        about = About(wanted.line_id, household.id, line["user_id"], member.role)
        await audit.record(connection, viewer, "POOL_SHARE_SET", about, cap=cap)
        await remains_changed(connection, [wanted.line_id])
        await notify(connection, f"household:{household.id}")
        return HouseholdChanged(household.id)

    return await tx(work)


def _read(text: str | None) -> int | InputRejected | None:
    """A share in bytes."""
    if text is None:
        return None
    try:
        cap = parse_amount(text)
    except MoneyRejected as rejected:
        return InputRejected(f"The share is not taken: {rejected}", ("cap",))
    if cap != cap.to_integral_value() or not Decimal(0) <= cap <= MOST:
        return InputRejected(f"A share is a whole number of bytes, up to {MOST}", ("cap",))
    return int(cap)
