"""Making a change of tariff that was decided: limits, money, subscription, packages and history (F106, I14).

All of it is the caller's transaction, which has the line's changes and its subscription locked; the limits of the line
and the money of its account are locked here, in this order.
"""

from dataclasses import dataclass

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import Scope
from domain.child_policy import UseKind, Wish
from domain.fees import Charging, Sold, packages_until, today
from domain.ledger import InsufficientFunds, LedgerAccountKind, LedgerAccountName, Transfer, TransferKind, personal
from domain.money import Money
from domain.profile import Profile
from domain.tariff import stored
from domain.tariff_refusals import TariffUnpaid
from domain.usage import ChargeType
from domain.usage_limit import Use
from domain.usage_limit_refusals import LimitExceeded, OwnerToBeAsked
from models import audit
from models.audit import About, Actor
from models.usage import spent
from services import fees, ledger, limit_alert, tariff_notice, tariff_packages, usage_limit
from services.tariff_offer import Offer
from services.tariff_row import Held, LineHeld

REVENUE = LedgerAccountName(LedgerAccountKind.REVENUE)

# What is charged is the new tariff's first period, from today: nothing of the old one's days is kept.
_BEGIN = """
insert into tariff_subscription (line_id, tariff_id, since, configuration, options_fee, months_from, pending_charge,
  changes)
values ($1, $2, now(), $3::jsonb, $4, $5, 0, 0)
on conflict (line_id) do update set tariff_id = $2, since = now(), configuration = $3::jsonb, options_fee = $4,
  months_from = $5, next_charge_at = null, charge_day = null, unpaid_since = null,
  changes = tariff_subscription.changes + 1
returning id
"""
_AWAIT = """
update tariff_subscription set pending_tariff_id = $2, pending_configuration = $3::jsonb, pending_options_fee = $4,
  pending_at = $5, pending_by_id = $6, pending_role = $7, pending_staff = $8, pending_charge = $9
where line_id = $1
"""
_EVENT = """
insert into tariff_event (line_id, action, before_id, tariff_id, configuration, charge, actor_id, actor_role, staff, at)
values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, now()) returning id
"""
_REST = """
insert into tariff_rest (event_id, paid_until, configuration, options_fee, charge_day, since, months_from, packages)
values ($1, $2, $3::jsonb, $4, $5, $6, $7, $8::jsonb)
"""
_NEXT_CHARGE = "select next_charge_at from tariff_subscription where id = $1"


@dataclass(frozen=True, slots=True)
class By:
    """Who makes a change; `approved`: as the owner of the line's household, or with the owner's approval."""

    actor: Actor
    line: LineHeld
    approved: bool

    @property
    def told(self) -> list[object]:
        """Who they are, as an event keeps it: the user, the role, the employee."""
        staff = self.actor.staff.name if self.actor.staff is not None else None
        return [self.actor.user_id, self.line.role, staff]

    @property
    def about(self) -> About:
        """Whom it concerns beside the actor."""
        subject = self.line.user_id if self.line.user_id != self.actor.user_id else None
        household = self.line.child.household_id if self.line.child is not None else None
        return About(self.line.id, household, subject, self.line.role)


Stopped = LimitExceeded | OwnerToBeAsked | TariffUnpaid


async def stopped(connection: BaseDBAsyncClient, profile: Profile, made: Offer, *, approved: bool) -> Stopped | None:
    """What stands against a change whatever anybody says: the line's limits, or its account's money. Locks both."""
    due = made.quote.due_now
    wish = Wish(
        UseKind.SERVICE, Use(price=due.minor), scope=Scope.TARIFF if made.line.asks else None, approved=approved
    )
    beyond = await usage_limit.may_spend(connection, profile, made.line.id, wish)
    if beyond is not None:
        return beyond
    if not due.minor:
        return None
    funds = await ledger.lock_funds(connection, profile.operator.id, personal(made.line.account_id))
    spendable = funds.spendable if funds is not None else 0
    if spendable is not None and spendable < due.minor:
        return TariffUnpaid(due, Money(max(spendable, 0), due.currency))
    return None


async def make(
    connection: BaseDBAsyncClient, profile: Profile, made: Offer, by: By, cause: str
) -> Stopped | int | None:
    """Make the change at exactly its price; gives its event, None for one that waits. A refusal has changed nothing.

    `cause` is unique to what causes it, and names what is paid for the connection.
    """
    if refused := await stopped(connection, profile, made, approved=by.approved):
        return refused
    line, plan = made.line, made.plan
    connection_fee = Money(plan.connection_fee, profile.operator.currency)
    if connection_fee.minor:
        key = f"fee:tariff-connection:{cause}"
        paid = Transfer.between(
            profile.operator.id, TransferKind.FEE, key, personal(line.account_id), REVENUE, connection_fee
        )
        answer = await ledger.post(connection, paid)
        assert not isinstance(answer, InsufficientFunds), "the money is locked, and there is enough of it"
        day = limit_alert.local_day(profile)
        await spent(connection, line.id, day, ChargeType.SUBSCRIPTION_FEE, connection_fee.minor)
    if made.begins is not None:
        await _await(connection, profile, made, by, connection_fee)
        event = None
    else:
        event = await _begin(connection, profile, made, by)
    await limit_alert.look(connection, profile, line.id)
    return event


async def note(
    connection: BaseDBAsyncClient, by: By, action: str, before: int | None, plan_id: int, chosen: str, charge: int
) -> int:
    """Add an event to the history of the line's tariffs (F107)."""
    told = [by.line.id, action, before, plan_id, chosen, charge, *by.told]
    [event] = await connection.execute_query_dict(_EVENT, told)
    event_id: int = event["id"]
    return event_id


async def _await(connection: BaseDBAsyncClient, profile: Profile, made: Offer, by: By, charged: Money) -> None:
    assert made.begins is not None
    line, plan = made.line, made.plan
    chosen = orjson.dumps(stored(made.chosen)).decode()
    told = [line.id, plan.id, chosen, plan.options_fee(made.chosen), made.begins, *by.told, charged.minor]
    await connection.execute_query(_AWAIT, told)
    begins = made.begins.astimezone(profile.operator.zone).date().isoformat()
    await audit.record(
        connection, by.actor, "TARIFF_CHANGE_ASKED", by.about, tariff=plan.name, charged=str(charged), begins=begins
    )
    await tariff_notice.awaited(connection, profile, line.id, plan.name, made.begins, charged, by=by.actor.user_id)


async def _begin(connection: BaseDBAsyncClient, profile: Profile, made: Offer, by: By) -> int:
    """Let the new tariff begin today, and keep what was left of the old one for who takes the change back."""
    line, plan, had, charged = made.line, made.plan, made.line.tariff, made.quote.due_now
    chosen = orjson.dumps(stored(made.chosen)).decode()
    before = had.plan.id if had is not None else None
    event = await note(connection, by, made.action, before, plan.id, chosen, charged.minor)
    if had is not None and had.paid_until is not None:
        await _keep(connection, event, line.id, had)
    month = await tariff_packages.running_month(connection, line.id, plan)
    told = [line.id, plan.id, chosen, plan.options_fee(made.chosen), month.begins if month is not None else None]
    [subscription] = await connection.execute_query_dict(_BEGIN, told)
    answer = await fees.begin(connection, profile, Sold.TARIFF, subscription["id"])
    assert answer is not Charging.SHORT, "the money is locked, and there is enough of it"
    if month is not None:
        await tariff_packages.refill(connection, line.id, plan, made.chosen, month.until, used=month.used)
    else:
        [row] = await connection.execute_query_dict(_NEXT_CHARGE, [subscription["id"]])
        zone = profile.operator.zone
        until = packages_until(plan.every, today(line.now, zone), row["next_charge_at"], line.now, zone)
        await tariff_packages.refill(connection, line.id, plan, made.chosen, until)
    await audit.record(
        connection, by.actor, f"TARIFF_{_DONE[made.action]}", by.about, tariff=plan.name, charged=str(charged)
    )
    await tariff_notice.changed(connection, profile, line.id, plan.name, charged, by=by.actor.user_id)
    return event


async def _keep(connection: BaseDBAsyncClient, event: int, line_id: int, had: Held) -> None:
    packages = await tariff_packages.held(connection, line_id)
    rest = [had.paid_until, had.configuration, had.options_fee, had.charge_day, had.since, had.months_from]
    await connection.execute_query(_REST, [event, *rest, orjson.dumps(packages).decode()])


_DONE = {"CHANGE": "CHANGED", "CONFIGURE": "CONFIGURED"}
