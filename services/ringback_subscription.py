"""What is paid for a tone or for status messages: a subscription of a service, made and ended (F126, F128).

What it costs now is known before it is made; each period is charged once (`services/fees.py`). Whoever calls this has
the line to themselves (`services/line_change.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import Scope
from domain.catalogue import FeePeriod, ServiceAction, ServiceCategory
from domain.child_policy import UseKind, Wish
from domain.fees import Charging, Sold
from domain.ledger import InsufficientFunds, LedgerAccountKind, LedgerAccountName, Transfer, TransferKind, personal
from domain.line import ServiceKind
from domain.money import Money
from domain.profile import Profile
from domain.ringback import STATUS_MESSAGE, begins_free
from domain.ringback_refusals import RingbackUnpaid
from domain.usage import ChargeType
from domain.usage_limit import Use
from domain.usage_limit_refusals import LimitExceeded, OwnerToBeAsked
from models.audit import Actor
from models.usage import spent
from services import fees, ledger, limit_alert, usage_limit
from services.serviced_line import Serviced

LIVE = "ss.ended_at is null and (ss.valid_until is null or ss.valid_until > now())"
"""Of a `service_subscription ss`: that the line has it."""

_REVENUE = LedgerAccountName(LedgerAccountKind.REVENUE)

_COLUMNS = """
s.id, s.name, s.artist, s.category, s.kind, s.fee, s.fee_period, s.connection_fee, s.trial_days, s.age_rating
"""
# What is sold no more stays with the lines that have it.
_TONE = f"""
select {_COLUMNS} from service s
where s.id = $1 and s.operator = $2 and s.category = 'RINGBACK' and s.artist is not null and (not s.archived or exists (
  select from service_subscription ss where ss.service_id = s.id and ss.line_id = $3 and {LIVE}))
"""
_STATUS = f"""
select {_COLUMNS} from service s where s.operator = $1 and s.code = '{STATUS_MESSAGE}' and not s.archived
"""
# All of them at once, in one order: a new tone may end another one.
_STATE = f"""
select ss.id, ss.service_id, {LIVE} as live, coalesce(ss.paid_until > now(), false) as is_paid,
  ss.ended_at is not null and coalesce(ss.valid_until > now(), false) as is_given
from service_subscription ss where ss.line_id = $1 order by ss.id for no key update
"""
_BEGIN = """
insert into service_subscription (line_id, service_id, since, connected_by_id, trial_ends_at)
values ($1, $2, now(), $3, now() + make_interval(days => $4))
on conflict (line_id, service_id) do update set since = now(), connected_by_id = $3, ended_at = null,
  valid_until = null, unpaid_since = null, charge_day = null, next_charge_at = null, paid_until = null
returning id, since
"""
# Up to then it was paid for, by whoever paid.
_GO_ON = """
update service_subscription set since = now(), connected_by_id = $2, ended_at = null, paid_until = null,
  next_charge_at = case when valid_until is null then paid_until end
where id = $1
"""
_END = f"""
update service_subscription ss set ended_at = now(), next_charge_at = null, unpaid_since = null,
  paid_until = ss.next_charge_at
where ss.line_id = $1 and ss.service_id = $2 and {LIVE} returning ss.id
"""
_EVENT = """
insert into service_event (line_id, action, service_id, charge, actor_id, actor_role, staff, at)
values ($1, $2, $3, $4, $5, $6, $7, now())
"""


@dataclass(frozen=True, slots=True)
class Sellable:
    """A service that pays for a tone or for status messages; `fee` and `connection_fee` in minor units."""

    id: int
    name: str
    artist: str | None
    category: ServiceCategory
    kind: ServiceKind
    fee: int
    every: FeePeriod
    connection_fee: int
    trial_days: int | None
    age_rating: int | None

    @property
    def title(self) -> str:
        """What it is called, with whose it is, in at most 60 characters."""
        return (f"{self.artist} – {self.name}" if self.artist else self.name)[:60]


@dataclass(frozen=True, slots=True)
class Due:
    """What a service would cost a line now. `has_it`: it is there, and nothing is bought."""

    price: Money
    has_it: bool
    subscription_id: int | None = None
    is_paid: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """The line has it; `charged` now."""

    charged: Money


async def tone(connection: BaseDBAsyncClient, profile: Profile, tone_id: int, line_id: int) -> Sellable | None:
    """A tone of the operator's that is sold, or that the line has still."""
    rows = await connection.execute_query_dict(_TONE, [tone_id, profile.operator.id, line_id])
    return _sellable(rows[0]) if rows else None


async def status_service(connection: BaseDBAsyncClient, profile: Profile) -> Sellable | None:
    """The service of status messages."""
    rows = await connection.execute_query_dict(_STATUS, [profile.operator.id])
    return _sellable(rows[0]) if rows else None


async def due(connection: BaseDBAsyncClient, profile: Profile, line_id: int, sold: Sellable) -> Due:
    """What beginning it costs now; the line's subscriptions are locked from here on."""
    nothing = Money(0, profile.operator.currency)
    rows = await connection.execute_query_dict(_STATE, [line_id])
    state = next((row for row in rows if row["service_id"] == sold.id), None)
    if state is not None:
        is_paid = state["is_paid"] or state["is_given"]
        if begins_free(has_it=state["live"], is_paid=is_paid, was_bought=True, every=sold.every):
            return Due(nothing, has_it=state["live"], subscription_id=state["id"], is_paid=True)
    on_trial = state is None and sold.trial_days is not None
    fee = 0 if on_trial or sold.every is FeePeriod.PER_USE else sold.fee
    return Due(Money(fee + sold.connection_fee, nothing.currency), has_it=False)


async def begin(
    connection: BaseDBAsyncClient, profile: Profile, actor: Actor, line: Serviced, sold: Sellable, price: Due
) -> Begun | LimitExceeded | OwnerToBeAsked | RingbackUnpaid:
    """Let the line have it, and charge what `due` said; a refusal has changed nothing."""
    if beyond := await may_begin(connection, profile, line, sold, price.price):
        return beyond
    if price.is_paid:
        await connection.execute_query(_GO_ON, [price.subscription_id, actor.user_id])
    else:
        await connection.execute_query("savepoint ringback", [])
        told = [line.line_id, sold.id, actor.user_id, sold.trial_days]
        [row] = await connection.execute_query_dict(_BEGIN, told)
        if not await _charge(connection, profile, line, sold, row["id"], row["since"]):
            await connection.execute_query("rollback to savepoint ringback", [])
            return RingbackUnpaid(price.price)
    await tell(connection, actor, line, sold.id, ServiceAction.CONNECT, price.price.minor)
    if price.price.minor:
        await limit_alert.look(connection, profile, line.line_id)
    return Begun(price.price)


async def end(connection: BaseDBAsyncClient, actor: Actor, line: Serviced, service_id: int) -> None:
    """Take it off the line. What was paid for stays paid for: beginning it again before then costs nothing."""
    if await connection.execute_query_dict(_END, [line.line_id, service_id]):
        await tell(connection, actor, line, service_id, ServiceAction.DISCONNECT, 0)


async def may_begin(
    connection: BaseDBAsyncClient, profile: Profile, line: Serviced, sold: Sellable, price: Money
) -> LimitExceeded | OwnerToBeAsked | None:
    """What the line's limits and a child's policy say to it (I14)."""
    wish = Wish(
        UseKind.SERVICE,
        Use(price=price.minor),
        category=sold.category,
        age_rating=sold.age_rating,
        scope=Scope.SERVICES if line.asks is not None else None,
        approved=line.is_agreed,
    )
    return await usage_limit.may_spend(connection, profile, line.line_id, wish)


async def tell(
    connection: BaseDBAsyncClient, actor: Actor, line: Serviced, service_id: int, action: ServiceAction, charge: int
) -> None:
    """Write down what happened to a service of a line, and who did it (F116)."""
    staff = actor.staff.name if actor.staff is not None else None
    told = [line.line_id, action, service_id, charge, actor.user_id, line.about.role, staff]
    await connection.execute_query(_EVENT, told)


async def _charge(
    connection: BaseDBAsyncClient, profile: Profile, line: Serviced, sold: Sellable, subscription: int, since: datetime
) -> bool:
    """Charge what connecting costs, and the first period; False where the account does not hold both."""
    if sold.connection_fee:
        price = Money(sold.connection_fee, profile.operator.currency)
        key = f"connection:service:{subscription}:{since.isoformat()}"
        operator = profile.operator.id
        wanted = Transfer.between(operator, TransferKind.FEE, key, personal(line.account_id), _REVENUE, price)
        if isinstance(await ledger.post(connection, wanted), InsufficientFunds):
            return False
        day = limit_alert.local_day(profile)
        await spent(connection, line.line_id, day, ChargeType.SERVICE_FEE, price.minor)
    return await fees.begin(connection, profile, Sold.SERVICE, subscription) is not Charging.SHORT


def _sellable(row: Mapping[str, Any]) -> Sellable:
    return Sellable(
        id=row["id"],
        name=row["name"],
        artist=row["artist"],
        category=ServiceCategory(row["category"]),
        kind=ServiceKind(row["kind"]),
        fee=row["fee"],
        every=FeePeriod(row["fee_period"]),
        connection_fee=row["connection_fee"],
        trial_days=row["trial_days"],
        age_rating=row["age_rating"],
    )
