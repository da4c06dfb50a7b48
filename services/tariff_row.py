"""A line with its tariff, as a transaction that changes the tariff holds them.

The subscription is locked, and the line is not: charging fees writes to lines with subscriptions in hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import HouseholdRole, Scope, Standing, needs_approval, proves_for_tariff, scopes
from domain.fees import Sold
from domain.line import LineStatus, ServiceKind
from domain.profile import Profile
from domain.refusals import Forbidden, NotFound, StepUpRequired
from domain.sim import CooldownActive, cooldown
from domain.tariff import Configuration, Plan
from domain.tariff_refusals import LineNotInService, TariffNotAvailable
from models.child_policy import Child
from models.offering import sold_in
from models.standing import standing_to
from services import fees, limit_alert, usage_limit
from services.tariff_plan import PLAN, plan_of

NO_LINE = NotFound("There is no such line", ("lineId",))
_NOT_YOURS = Forbidden("The tariff of this line is not yours to change", ("lineId",))
_NO_TARIFF = NotFound("There is no such tariff", ("tariffId",))

_LINE = """
select l.id, l.account_id, l.user_id, l.kind, l.status, l.sim_changed_at, k.status = 'TERMINATED' as contract_ended,
  now() as now
from line l join personal_account a on a.id = l.account_id join contract k on k.id = a.contract_id
where l.id = $1 and l.operator = $2
"""
_LOCK = "select id from tariff_subscription where line_id = $1 for no key update"
_OVERDUE = "select id from tariff_subscription where line_id = $1 and next_charge_at <= now()"
_SUBSCRIPTION = f"""
select s.id as subscription_id, s.since, s.next_charge_at, s.charge_day, s.unpaid_since, s.configuration,
  s.options_fee, s.pending_tariff_id, s.pending_at, s.pending_charge, s.months_from, {PLAN}
from tariff_subscription s join tariff t on t.id = s.tariff_id where s.line_id = $1
"""
# Of what a client holds an old version of, the version that is sold is meant.
_SOLD = f"""
select {sold_in("t", "l.locality")} as is_sold_there, {PLAN}
from line l cross join tariff w join tariff t on t.operator = w.operator and t.code = w.code
where l.id = $3 and w.id = $1 and w.operator = $2 and (not t.archived or t.id = w.id)
order by t.archived, t.version desc limit 1
"""


@dataclass(frozen=True, slots=True)
class Held:
    """The tariff that a line has: `configuration` as the database keeps it, `chosen` as the tariff has it now."""

    subscription_id: int
    plan: Plan
    since: datetime
    next_charge_at: datetime | None
    charge_day: int | None
    unpaid: bool
    configuration: str
    chosen: Configuration
    options_fee: int
    pending_at: datetime | None
    pending_charge: int
    months_from: datetime | None

    @property
    def paid_until(self) -> datetime | None:
        """The end of the period that is paid for; None for a tariff without periods, and for one not paid."""
        return None if self.unpaid else self.next_charge_at


@dataclass(frozen=True, slots=True)
class LineHeld:
    """A line that the viewer may change the tariff of, at the database's `now`.

    `child` is who uses it, if that is one, and `asks` where that is the viewer: the owner has to agree.
    """

    id: int
    account_id: int
    user_id: int | None
    kind: ServiceKind
    now: datetime
    tariff: Held | None
    role: HouseholdRole | None
    child: Child | None
    asks: bool

    def approved_by(self, user_id: int) -> bool:
        """Whether that user need not ask the owner of the household, being the owner."""
        return self.child is not None and self.child.owner_id == user_id


NotHeld = NotFound | Forbidden | CooldownActive | StepUpRequired | LineNotInService


async def hold(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, line_id: int, *, proven: bool = True
) -> LineHeld | NotHeld:
    """The line with its tariff locked, where the viewer has TARIFF over it now and it works.

    `proven`: with a fresh proof, where SPEC 4.4 wants one.
    """
    line = await _locked(connection, profile, line_id)
    if line is None:
        return NO_LINE
    standing = await standing_to(
        connection, profile.operator.id, viewer.user_id, account_id=line["account_id"], line_id=line_id
    )
    today = limit_alert.local_day(profile)
    rights = scopes(standing, viewer.access_level, profile, today)
    if not rights:
        return NO_LINE
    if Scope.TARIFF not in rights:
        return _NOT_YOURS
    if proven and not viewer.stepped_up and proves_for_tariff(standing, profile, today):
        return StepUpRequired()
    if too_new := cooldown(profile, line["sim_changed_at"], datetime.now(UTC)):
        return too_new
    return await _in_service(connection, profile, line, standing)


async def hold_for(connection: BaseDBAsyncClient, profile: Profile, line_id: int, child_id: int) -> LineHeld | NotHeld:
    """The line with its tariff locked, as its child asked about it; the owner has agreed."""
    line = await _locked(connection, profile, line_id)
    if line is None or line["user_id"] != child_id:
        return NO_LINE
    return await _in_service(connection, profile, line, Standing(holds_it=True, is_child=True))


async def sold(
    connection: BaseDBAsyncClient, profile: Profile, tariff_id: int, line: LineHeld
) -> Plan | NotFound | TariffNotAvailable:
    """The version that is sold of a tariff to that line: for its kind, and where it is."""
    rows = await connection.execute_query_dict(_SOLD, [tariff_id, profile.operator.id, line.id])
    if not rows:
        return _NO_TARIFF
    plan = plan_of(rows[0])
    if plan.archived or plan.kind is not line.kind or not rows[0]["is_sold_there"]:
        return TariffNotAvailable()
    return plan


async def _locked(connection: BaseDBAsyncClient, profile: Profile, line_id: int) -> Mapping[str, Any] | None:
    """The line's row, with its subscription locked."""
    await connection.execute_query_dict(_LOCK, [line_id])
    rows = await connection.execute_query_dict(_LINE, [line_id, profile.operator.id])
    return rows[0] if rows else None


async def _in_service(
    connection: BaseDBAsyncClient, profile: Profile, line: Mapping[str, Any], standing: Standing
) -> LineHeld | LineNotInService:
    # What fell due is charged as if the worker had just been here, so that no change depends on when it was.
    for row in await connection.execute_query_dict(_OVERDUE, [line["id"]]):
        await fees.catch_up(connection, profile, Sold.TARIFF, row["id"])
        line = (await connection.execute_query_dict(_LINE, [line["id"], profile.operator.id]))[0]
    status = LineStatus(line["status"])
    if line["contract_ended"]:
        return LineNotInService(LineStatus.TERMINATED)
    if status is not LineStatus.ACTIVE:
        return LineNotInService(status)
    found = await connection.execute_query_dict(_SUBSCRIPTION, [line["id"]])
    child = await usage_limit.minor_of(connection, profile, line["id"])
    return LineHeld(
        id=line["id"],
        account_id=line["account_id"],
        user_id=line["user_id"],
        kind=ServiceKind(line["kind"]),
        now=line["now"],
        tariff=_held(found[0]) if found else None,
        role=next((grant.role for grant in standing.grants), None),
        child=child,
        asks=child is not None and needs_approval(standing, Scope.TARIFF),
    )


def _held(row: Mapping[str, Any]) -> Held:
    plan = plan_of(row)
    return Held(
        subscription_id=row["subscription_id"],
        plan=plan,
        since=row["since"],
        next_charge_at=row["next_charge_at"],
        charge_day=row["charge_day"],
        unpaid=row["unpaid_since"] is not None,
        configuration=row["configuration"],
        chosen=plan.as_it_is(orjson.loads(row["configuration"])),
        options_fee=row["options_fee"],
        pending_at=row["pending_at"],
        pending_charge=row["pending_charge"],
        months_from=row["months_from"],
    )
