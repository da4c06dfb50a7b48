"""Charging the fees of tariffs and services: each period once, in order, however many workers there are (F057, E57).

A charge, what it does to the line and when the next one is due are one transaction. The database's clock says what is
due, and the ledger's key says what was charged. What is locked: a subscription, then the account's money.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.catalogue import FeePeriod, ServiceAction
from domain.child_policy import UseKind, Wish
from domain.fees import (
    PERIODIC,
    Charging,
    Due,
    Sold,
    Step,
    decide,
    months_begin_on,
    next_day,
    packages_until,
    period_from,
    today,
)
from domain.ledger import (
    InsufficientFunds,
    KeyReused,
    LedgerAccountKind,
    LedgerAccountName,
    Posted,
    Transfer,
    TransferKind,
)
from domain.ledger import personal as money_of
from domain.line import LineStatus
from domain.money import Money
from domain.profile import Profile
from domain.usage import ChargeType
from domain.usage_limit import Use
from models.database import tx
from models.pool import remains_changed
from services import fee_notice, ledger, package_fill, service_history, tariff_packages, tariff_pending, usage_limit
from services.fee_statements import BY_SOLD, NEVER_CHARGED
from services.fee_subscription import Subscription, subscription

BATCH = 500
"""The most charges of one run, so that a worker that catches up can be stopped."""

_REVENUE = LedgerAccountName(LedgerAccountKind.REVENUE)
_CHARGE_TYPES = {Sold.TARIFF: ChargeType.SUBSCRIPTION_FEE, Sold.SERVICE: ChargeType.SERVICE_FEE}

_AT_ONCE = 100
"""The most charges of one transaction: what they cost beside their own statements is shared among them."""

_BEFORE_ALL = (datetime.min.replace(tzinfo=UTC), 0)
_LAST_ID = 2**63 - 1

_log = structlog.get_logger()

# A transfer of money locks the payee's money and then what it may bring back; whoever waited here with subscriptions
# in hand would stand in its way.
_BUSY = """
with free as materialized (
  select account_id from ledger_account where kind = 'PERSONAL' and account_id = any($1::bigint[])
  order by id for no key update skip locked)
select account_id from ledger_account where kind = 'PERSONAL' and account_id = any($1::bigint[])
  and account_id not in (select account_id from free)
"""

_SUSPEND = "update line set status = 'SUSPENDED_NONPAYMENT' where id = $1 and status = 'ACTIVE' returning id"
_WORKS = "update line set status = 'ACTIVE' where id = $1 and status = 'SUSPENDED_NONPAYMENT' returning id"
# Suspended for a debt that is repaid, with a tariff that is paid for.
_WITHOUT_DEBT = f"""
update line l set status = 'ACTIVE' from ledger_account m
where l.account_id = $1 and l.operator = $2 and l.status = 'SUSPENDED_NONPAYMENT'
  and m.account_id = l.account_id and m.kind = 'PERSONAL' and m.balance - m.reserved >= -m.credit_limit
  and not exists (
    select from tariff_subscription s join tariff e on e.id = s.tariff_id
    where s.line_id = l.id and (s.unpaid_since is not null or {NEVER_CHARGED}))
returning l.id
"""
# An account's services work while one of its lines does.
_ACCOUNT_FOLLOWS = """
with told as (
  select case when bool_or(status not in ('SUSPENDED_NONPAYMENT', 'TERMINATED', 'PORTED_OUT')) then 'ACTIVE'
    else 'SUSPENDED_NONPAYMENT' end as status
  from line where account_id = $1 having bool_or(status not in ('TERMINATED', 'PORTED_OUT')))
update personal_account a set status = told.status from told
where a.id = $1 and a.status in ('ACTIVE', 'SUSPENDED_NONPAYMENT') and a.status <> told.status
"""


async def charge_due(profiles: Mapping[str, Profile], limit: int = BATCH) -> int:
    """Charge what is due now, and what was unpaid and is covered again; gives how many charges were looked at.

    Tariffs come before services, and earlier moments before later ones. Whoever was away for several periods calls
    this again while it gives `limit`. One that fails is told of, and left for the next run.
    """
    done = 0
    for sold in Sold:
        done += await _charge_all(profiles, sold, limit - done)
    for operator, account_id in await _covered(profiles):
        await tx(partial(resume, profile=profiles[operator], account_id=account_id))
    return done


async def begin(connection: BaseDBAsyncClient, profile: Profile, sold: Sold, subscription_id: int) -> Charging:
    """Charge the first period of a subscription, today's, and say when the next one is due.

    For one that is new, and for one that is to work again. Where the account does not hold the fee nothing changes.
    """
    found = await _one(connection, profile, sold, subscription_id)
    if found is None:
        return Charging.NOTHING
    found = await _with_change(connection, profile, found, found.now)
    return await _step(connection, profile, found, found.now, today(found.now, profile.operator.zone))


async def catch_up(connection: BaseDBAsyncClient, profile: Profile, sold: Sold, subscription_id: int) -> None:
    """Charge what has fallen due of a subscription and nobody has charged yet, before somebody changes it."""
    while (found := await _one(connection, profile, sold, subscription_id)) is not None:
        if found.at is None or found.at > found.now:
            break
        await _charge_or_stop(connection, {found.operator: profile}, found)


async def resume(connection: BaseDBAsyncClient, profile: Profile, account_id: int) -> None:
    """Let work again what the account can pay for now, in the transaction that brought the money (E47).

    Tariffs come first. A period begins on the day on which it is paid, so nobody pays for days without service.
    """
    arguments = [account_id, profile.operator.id]
    for sold in Sold:
        for row in await connection.execute_query_dict(BY_SOLD[sold]["waiting"], arguments):
            await begin(connection, profile, sold, row["id"])
    if await connection.execute_query_dict(_WITHOUT_DEBT, arguments):
        await connection.execute_query(_ACCOUNT_FOLLOWS, [account_id])


async def _charge_all(profiles: Mapping[str, Profile], sold: Sold, limit: int) -> int:
    done, place = 0, _BEFORE_ALL
    while done < limit:
        taken: list[Subscription] = []
        late: list[Subscription] = []
        wanted = partial(_charge_some, profiles, sold, place, min(_AT_ONCE, limit - done), taken, late)
        try:
            moment = await tx(wanted)
        except Exception:  # whatever it is, the fees of others are charged
            if not taken:
                raise
            moment, late = taken[-1].at, taken
        if moment is None:
            break
        for found in late:
            await _charge_alone(profiles, found)
        # Where all of a moment are another worker's, the next moment's turn has come.
        done, place = done + len(taken), (moment, taken[-1].id if taken else _LAST_ID)
    return done


async def _charge_some(
    profiles: Mapping[str, Profile],
    sold: Sold,
    place: tuple[datetime, int],
    limit: int,
    taken: list[Subscription],
    late: list[Subscription],
    connection: BaseDBAsyncClient,
) -> datetime | None:
    """Charge what falls due at the first moment after `place`, and answer that; None where nothing does.

    What is charged moves on to a later moment, so all of one moment go before it. `late` are those whose money
    somebody else has in hand.
    """
    taken.clear()
    late.clear()
    moments = await connection.execute_query_dict(BY_SOLD[sold]["moment"], [*place, list(profiles)])
    if not moments:
        return None
    at: datetime = moments[0]["at"]
    after = place[1] if place[0] == at else 0
    rows = await connection.execute_query_dict(BY_SOLD[sold]["next"], [at, after, list(profiles), limit])
    taken += [subscription(sold, row) for row in rows]
    accounts = sorted({found.account_id for found in taken})
    busy = {row["account_id"] for row in await connection.execute_query_dict(_BUSY, [accounts])}
    # Limits are locked before money, which this transaction has in hand from the first charge on.
    late += [found for found in taken if found.account_id in busy or found.limited]
    for found in taken:
        if found.account_id not in busy and not found.limited:
            await _charge_or_stop(connection, profiles, found)
    return at


async def _charge_alone(profiles: Mapping[str, Profile], found: Subscription) -> None:
    """Charge one that is still due, in a transaction of its own."""

    async def work(connection: BaseDBAsyncClient) -> None:
        for row in await connection.execute_query_dict(BY_SOLD[found.sold]["still"], [found.id, found.at]):
            await _charge_or_stop(connection, profiles, subscription(found.sold, row))

    try:
        await tx(work)
    except Exception:
        _log.exception("a fee was not charged", sold=found.sold, subscription=found.id)


async def _charge_or_stop(connection: BaseDBAsyncClient, profiles: Mapping[str, Profile], found: Subscription) -> None:
    assert found.at is not None
    profile, at = profiles[found.operator], found.at
    found = await _with_change(connection, profile, found, at)
    charging = await _step(connection, profile, found, at, at)
    if charging in (Charging.SHORT, Charging.BEYOND):
        await _stop(connection, profile, found, charging)


async def _with_change(
    connection: BaseDBAsyncClient, profile: Profile, found: Subscription, at: datetime
) -> Subscription:
    """The subscription as it is charged `at` a moment: a tariff that waited for the next period begins with it."""
    if found.changes_at is None or found.changes_at > at or _decided(profile, found, at) is not Step.CHARGE:
        return found
    await tariff_pending.take_effect(connection, profile, found.id)
    changed = await _one(connection, profile, found.sold, found.id)
    assert changed is not None, "it is locked"
    return changed


async def _covered(profiles: Mapping[str, Profile]) -> set[tuple[str, int]]:
    """Accounts whose unpaid fees they hold by now, wherever the money came from."""

    async def look(connection: BaseDBAsyncClient) -> set[tuple[str, int]]:
        rows = [
            row
            for sold in Sold
            for row in await connection.execute_query_dict(BY_SOLD[sold]["covered"], [list(profiles)])
        ]
        return {(row["operator"], row["account_id"]) for row in rows}

    return await tx(look)


async def _step(
    connection: BaseDBAsyncClient, profile: Profile, found: Subscription, at: datetime, begins: datetime
) -> Charging:
    """What is done `at` a moment about the fee of the period that `begins`; where the account is short, nothing."""
    zone = profile.operator.zone
    match _decided(profile, found, at):
        case Step.CHARGE:
            return await _charge(connection, profile, found, begins)
        case Step.TOMORROW:
            await _move(connection, found, next_day(max(at, found.now), zone), found.charge_day)
        case Step.AFTER_TRIAL:
            await _move(connection, found, found.trial_ends_at, found.charge_day)
        case Step.PAUSE:
            await _pause(connection, found)
        case Step.END:
            await _move(connection, found, None, found.charge_day)
    return Charging.NOTHING


def _decided(profile: Profile, found: Subscription, at: datetime) -> Step:
    due = Due(
        at=at,
        sold=found.sold,
        every=found.every,
        line_status=found.line_status,
        contract_ended=found.contract_ended,
        valid_until=found.valid_until,
        trial_ends_at=found.trial_ends_at,
    )
    return decide(due, freeze_balance=profile.blocking.freeze_balance)


async def _charge(connection: BaseDBAsyncClient, profile: Profile, found: Subscription, at: datetime) -> Charging:
    zone = profile.operator.zone
    if found.limited:
        # Whoever looks after the line agreed to the service, and it is paid for until now; what was set since holds
        # from now on (E35).
        use = Use(price=found.fee)
        wish = Wish(UseKind.SERVICE, use, category=found.category, age_rating=found.age_rating, approved=True)
        if await usage_limit.may_spend(connection, profile, found.line_id, wish):
            return Charging.BEYOND
    fee = Money(found.fee, profile.operator.currency)
    key = found.key(at, zone)
    is_new = not found.fee
    if found.fee:
        wanted = Transfer.between(profile.operator.id, TransferKind.FEE, key, money_of(found.account_id), _REVENUE, fee)
        try:
            posted = await ledger.post(connection, wanted)
        except KeyReused:
            # Its price has changed since, and somebody moved the date back: the period is paid for all the same.
            _log.warning("a fee was charged before at another price", key=key)
        else:
            if isinstance(posted, InsufficientFunds):
                return Charging.SHORT
            is_new = isinstance(posted, Posted)
    charge_day = found.charge_day
    following = None
    if found.every in PERIODIC:
        charge_day = months_begin_on(found.charge_day, at, zone)
        following = period_from(at, found.every, charge_day, zone).end
    day = at.astimezone(zone).date()
    spent = found.fee if is_new else 0
    packages_end = following if is_new else None
    arguments = [found.id, following, charge_day, found.line_id, day, _CHARGE_TYPES[found.sold], spent]
    if found.sold is Sold.TARIFF:
        packages_end = packages_until(found.every, at, following, found.since, zone) if is_new else None
        arguments += [packages_end, found.every is FeePeriod.MONTH and bool(found.fee), at]
    [paid] = await connection.execute_query_dict(BY_SOLD[found.sold]["paid"], arguments)
    if paid["refilled"]:
        await remains_changed(connection, [found.line_id])
    elif packages_end is not None and found.fills and not paid["stands"]:
        await _fill(connection, found, packages_end)
    works = found.unpaid
    # A line that costs nothing is suspended for a debt, which `resume` looks at.
    if found.fee and found.sold is Sold.TARIFF and found.line_status is LineStatus.SUSPENDED_NONPAYMENT:
        works = bool(await connection.execute_query_dict(_WORKS, [found.line_id]))
        await connection.execute_query(_ACCOUNT_FOLLOWS, [found.account_id])
    if found.sold is Sold.SERVICE and found.unpaid:
        resumed = ServiceAction.RESUME
        await service_history.note(connection, found.line_id, found.sold_id, resumed, charge=spent)
    if works:
        await fee_notice.works_again(connection, profile, found.line_id, found.name, fee, key)
    return Charging.PAID


async def _fill(connection: BaseDBAsyncClient, found: Subscription, until: datetime) -> None:
    """Make the packages that a new period pays for, of which there are none to fill again."""
    if found.sold is Sold.TARIFF:
        await tariff_packages.fill(connection, found.line_id, until)
    else:
        await package_fill.fill_service(connection, found.line_id, found.sold_id, until)


async def _stop(connection: BaseDBAsyncClient, profile: Profile, found: Subscription, because: Charging) -> None:
    """What happens when a fee cannot be charged: a tariff's line is suspended, a service is paused."""
    assert found.at is not None
    await _pause(connection, found)
    if found.sold is Sold.TARIFF and await connection.execute_query_dict(_SUSPEND, [found.line_id]):
        await connection.execute_query(_ACCOUNT_FOLLOWS, [found.account_id])
    fee = Money(found.fee, profile.operator.currency)
    key = found.key(found.at, profile.operator.zone)
    if because is Charging.BEYOND:
        await fee_notice.beyond_limit(connection, profile, found.line_id, found.name, fee, key)
        return
    await fee_notice.unpaid(connection, profile, found.sold, found.line_id, found.name, fee, key)


async def _pause(connection: BaseDBAsyncClient, found: Subscription) -> None:
    await connection.execute_query(BY_SOLD[found.sold]["stop"], [found.id])
    if found.sold is Sold.SERVICE and not found.unpaid:
        await service_history.note(connection, found.line_id, found.sold_id, ServiceAction.SUSPEND)


async def _one(
    connection: BaseDBAsyncClient, profile: Profile, sold: Sold, subscription_id: int
) -> Subscription | None:
    rows = await connection.execute_query_dict(BY_SOLD[sold]["one"], [subscription_id, profile.operator.id])
    return subscription(sold, rows[0]) if rows else None


async def _move(
    connection: BaseDBAsyncClient, found: Subscription, at: datetime | None, charge_day: int | None
) -> None:
    await connection.execute_query(BY_SOLD[found.sold]["move"], [found.id, at, charge_day])
