"""Automatic payments as they are made (F080): whoever is due is taken, once, and pays like anybody else.

A rule that watches a balance is woken by the news of a change (`wake`); the others by the clock. `run` takes what is
due: under the lock of the rule everything is looked at anew, the rights of its payer too, and the intent of a payment
is committed with its occasion. The bank is asked after that; what becomes of it comes by the doors of
`services/payment_settlement.py`, and from there to `services/autopay_outcome.py`.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import Scope
from domain.autopay import (
    LEAD,
    Charge,
    Situation,
    amount_due,
    charge_name,
    dip_name,
    month_name,
    within_cap,
)
from domain.features import feature
from domain.ledger import Funds
from domain.money import Money
from domain.payment import AutopayTrigger
from domain.payment_refusals import CardTooFrequent
from domain.payment_rules import read_amount
from domain.periods import month_of
from domain.profile import Profile
from domain.refusals import ErrorCode, InputRejected
from models.database import tx
from models.entitlement import rights_over
from services import autopay_outcome, payment, payment_settlement
from services.autopay_outcome import COLUMNS, AutopayRow, row_of
from services.payment import TopUp
from services.payment_row import Desk, PaymentRow

BATCH = 20
# A slow bank holds up so many payments at once, and no more connections than these need.
_AT_ONCE = 5
# A charge may move, and money that was enough for it may be spent: a rule before a fee looks again so soon.
_LOOK_AGAIN = timedelta(hours=1)
# A card that is gone or not taken stays so; an account that takes no payments may take them again.
_FOR_GOOD = frozenset(
    {
        ErrorCode.CARD_NOT_ACCEPTED,
        ErrorCode.FEATURE_DISABLED,
        ErrorCode.AMOUNT_TOO_SMALL,
        ErrorCode.AMOUNT_TOO_LARGE,
        ErrorCode.AMOUNT_NOT_WHOLE,
    }
)
# What cannot be handled is not handled at once again: the others have their turn.
_AFTER_AN_ERROR_SECONDS = 60.0

_log = structlog.get_logger()

_THESE = "and r.account_id = any($1::bigint[])"
# The money has risen to the threshold since the last payment, so the next fall is another one.
_REARM = """
update autopay_rule r set armed = true, round = r.round + 1
from ledger_account a
where a.account_id = r.account_id and a.kind = 'PERSONAL' and r.active and r.trigger = 'BALANCE_BELOW'
  and not r.armed and a.balance >= r.threshold
  and not exists (select from autopay_run o where o.rule_id = r.id and o.outcome is null) {these}
"""
# Who is due already is told again: a worker may be looking at the balance as it was before.
_FALLEN = """
update autopay_rule r set due_at = now()
from ledger_account a
where a.account_id = r.account_id and a.kind = 'PERSONAL' and r.active and r.trigger = 'BALANCE_BELOW'
  and r.armed and a.balance < r.threshold and (r.due_at is null or r.due_at <= now()) {these}
"""
# What has ended is looked at, and found to be nothing that its payer may pay for (E22).
_ENDED = """
update autopay_rule r set due_at = now()
from personal_account a join contract c on c.id = a.contract_id
where a.id = r.account_id and r.active and (r.due_at is null or r.due_at > now()) and (
  a.status in ('TERMINATED', 'PORTED_OUT') or c.status = 'TERMINATED'
  or exists (select from line l where l.id = r.line_id and l.status in ('TERMINATED', 'PORTED_OUT')))
"""
_DUE = """
select id from autopay_rule
where due_at <= now() and (operator, trigger) in (select * from unnest($1::text[], $2::text[]))
order by due_at limit $3
"""
# Two workers may have found the same rule: one of them takes it, and then it is not due any more.
_TAKE = f"select {COLUMNS} from autopay_rule where id = $1 and due_at <= now() for no key update skip locked"
_REST = "update autopay_rule set due_at = $2, planned_at = coalesce($3::timestamptz, planned_at) where id = $1"
_LATER = "update autopay_rule set due_at = now() + make_interval(secs => $2) where id = $1 and due_at <= now()"
_BEGAN = "update autopay_rule set due_at = null, armed = trigger <> 'BALANCE_BELOW', last_run_at = now() where id = $1"
_OPEN = "select id from autopay_run where rule_id = $1 and outcome is null"
# Two rules of two payers for one account look at it one after the other, so the later sees what the first began.
_LOCK_ACCOUNT = "select pg_advisory_xact_lock(hashtextextended('autopay:' || $1::bigint, 0))"
_SITUATION = """
select coalesce(a.balance, 0) as balance, coalesce(a.reserved, 0) as reserved,
  coalesce(a.credit_limit, 0) as credit_limit, case when a.id is null then 0 else a.floor end as floor,
  (select coalesce(sum(p.amount), 0)::bigint from payment p
    where p.account_id = $1 and p.status = 'PROCESSING') as on_its_way,
  c.fee, c.at
from (select 1) one
left join ledger_account a on a.account_id = $1 and a.kind = 'PERSONAL'
left join lateral (
  select sum(t.fee + coalesce(ts.pending_options_fee, ts.options_fee))::bigint as fee, ts.next_charge_at as at
  from line l join tariff_subscription ts on ts.line_id = l.id
  join tariff t on t.id = coalesce(ts.pending_tariff_id, ts.tariff_id)
  where l.account_id = $1 and ($2::bigint is null or l.id = $2) and ts.next_charge_at is not null
  group by ts.next_charge_at order by ts.next_charge_at limit 1
) c on true
"""
_TRIES = """
select count(*) as tries, coalesce(bool_or(outcome is distinct from 'FAILED'), false) as paid
from autopay_run where rule_id = $1 and occasion = $2
"""
_SPENT = """
select coalesce(sum(p.amount + p.fee), 0)::bigint as spent
from autopay_run r join payment p on p.id = r.payment_id
where r.rule_id = $1 and r.at >= $2 and r.at < $3 and p.status not in ('DECLINED', 'EXPIRED', 'CANCELLED')
"""
_RUN = "insert into autopay_run (rule_id, occasion, payment_id, at) values ($1, $2, $3, now())"


@dataclass(frozen=True, slots=True)
class _Occasion:
    name: str
    amount: Money


async def wake(accounts: Iterable[int] | None = None) -> None:
    """Make rules due whose balance has fallen below their threshold: on these accounts, or on all.

    With all of them, so are the rules for what has ended.
    """
    known = None if accounts is None else sorted(set(accounts))

    async def look(connection: BaseDBAsyncClient) -> None:
        for statement in (_REARM, _FALLEN):
            if known is None:
                await connection.execute_query(statement.format(these=""))
            else:
                await connection.execute_query(statement.format(these=_THESE), [known])
        if known is None:
            await connection.execute_query(_ENDED)

    await tx(look)


async def run(desk: Desk, profiles: Mapping[str, Profile]) -> int:
    """Look at one batch of the rules that are due, and make their payments; gives how many rules there were."""
    offered = [
        (operator, trigger)
        for operator, profile in profiles.items()
        for trigger in AutopayTrigger
        if feature(profile, f"payments.autopay_{trigger.lower()}").enabled
    ]
    wanted = [[operator for operator, _ in offered], [trigger for _, trigger in offered], BATCH]
    due = [row["id"] for row in await tx(lambda connection: connection.execute_query_dict(_DUE, wanted))]
    turns = asyncio.Semaphore(_AT_ONCE)
    # Whatever happens to one of them, the others are looked at.
    for outcome in await asyncio.gather(*(_run(desk, profiles, rule, turns) for rule in due), return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
    return len(due)


async def _run(desk: Desk, profiles: Mapping[str, Profile], rule_id: int, turns: asyncio.Semaphore) -> None:
    async with turns:
        try:
            begun = await tx(lambda connection: _look(connection, desk, profiles, rule_id))
        except Exception:
            await tx(lambda connection: connection.execute_query(_LATER, [rule_id, _AFTER_AN_ERROR_SECONDS]))
            raise
        if begun is not None:
            await payment_settlement.drive(desk, profiles[begun.operator], begun)


async def _look(
    connection: BaseDBAsyncClient, desk: Desk, profiles: Mapping[str, Profile], rule_id: int
) -> PaymentRow | None:
    """Take a rule and begin its payment, if there is one to be made."""
    taken = await connection.execute_query_dict(_TAKE, [rule_id])
    if not taken:
        return None
    rule = row_of(taken[0])
    profile = profiles[rule.operator]
    if not await _may_pay(connection, profile, rule):
        await autopay_outcome.stopped(connection, profile, rule)
        return None
    if await connection.execute_query_dict(_OPEN, [rule.id]):
        # It goes on when its payment has ended.
        await connection.execute_query(_REST, [rule.id, None, None])
        return None
    await connection.execute_query(_LOCK_ACCOUNT, [rule.account_id])
    situation = await _situation(connection, rule)
    occasion = _occasion(profile, rule, situation)
    tries, paid = 0, False
    if occasion is not None:
        [before] = await connection.execute_query_dict(_TRIES, [rule.id, occasion.name])
        tries, paid = before["tries"], before["paid"]
    if occasion is None or paid:
        await connection.execute_query(_REST, [rule.id, *_next_look(profile, rule, situation)])
        return None
    month = month_of(situation.now, profile.operator.zone)
    [spent] = await connection.execute_query_dict(_SPENT, [rule.id, month.start, month.end])
    if not within_cap(rule.terms, occasion.amount, spent["spent"], profile):
        await autopay_outcome.capped(connection, profile, rule, month.end)
        return None
    return await _begin(connection, desk, profile, rule, occasion, tries + 1)


async def _begin(
    connection: BaseDBAsyncClient, desk: Desk, profile: Profile, rule: AutopayRow, occasion: _Occasion, attempt: int
) -> PaymentRow | None:
    wanted = TopUp(
        # No client's key has a space in it, so this is nobody else's.
        key=f"autopay {rule.id} {occasion.name} {attempt}",
        asked="autopay",
        account_id=rule.account_id,
        line_id=rule.line_id,
        named=rule.named,
        is_seen=True,
        amount=occasion.amount,
        kind=rule.method_kind,
        method_id=rule.method_id,
    )
    # The operator's limits may have changed since the payer agreed to an amount.
    begun: PaymentRow | payment.Refused | InputRejected | Money
    begun = read_amount(str(occasion.amount.amount), occasion.amount.currency, profile)
    if isinstance(begun, Money):
        begun = await payment.begin_unattended(connection, desk, profile, rule.user_id, wanted)
    match begun:
        case PaymentRow():
            await connection.execute_query(_RUN, [rule.id, occasion.name, begun.id])
            await connection.execute_query(_BEGAN, [rule.id])
            return begun
        case CardTooFrequent(next_allowed_at):
            await connection.execute_query(_REST, [rule.id, next_allowed_at, None])
        case _:
            final = begun.code in _FOR_GOOD
            await autopay_outcome.failed(connection, profile, rule, occasion.amount, begun.code, final=final)
    return None


async def _may_pay(connection: BaseDBAsyncClient, profile: Profile, rule: AutopayRow) -> bool:
    """Whether the payer still has the right, whatever they had when they made the rule (I8)."""
    rights = await rights_over(connection, profile, rule.user_id, account_id=rule.account_id, line_id=rule.line_id)
    return Scope.AUTOPAY in rights


async def _situation(connection: BaseDBAsyncClient, rule: AutopayRow) -> Situation:
    [row] = await connection.execute_query_dict(_SITUATION, [rule.account_id, rule.line_id])
    charge = Charge(row["fee"], row["at"]) if row["at"] is not None else None
    funds = Funds(row["balance"], row["reserved"], row["credit_limit"], row["floor"])
    return Situation(funds, row["on_its_way"], charge, datetime.now(UTC))


def _occasion(profile: Profile, rule: AutopayRow, situation: Situation) -> _Occasion | None:
    """What there is to be paid for; None where there is nothing, or nothing yet."""
    amount = amount_due(rule.terms, situation, profile)
    if amount is None or (rule.trigger is AutopayTrigger.BALANCE_BELOW and not rule.armed):
        return None
    zone = profile.operator.zone
    match rule.trigger:
        case AutopayTrigger.BALANCE_BELOW:
            return _Occasion(dip_name(rule.round), amount)
        case AutopayTrigger.SCHEDULE:
            assert rule.planned_at is not None
            if rule.planned_at > situation.now:
                return None
            return _Occasion(month_name(rule.planned_at, zone), amount)
        case AutopayTrigger.BEFORE_SUBSCRIPTION_FEE:
            assert situation.next_charge is not None
            return _Occasion(charge_name(situation.next_charge, zone), amount)


def _next_look(profile: Profile, rule: AutopayRow, situation: Situation) -> tuple[datetime | None, datetime | None]:
    """When a rule that has nothing to pay is looked at again, and the day of the calendar that it is for."""
    match rule.trigger:
        case AutopayTrigger.BALANCE_BELOW:
            return None, None
        case AutopayTrigger.SCHEDULE:
            planned_at = rule.planned_at
            if planned_at is not None and planned_at <= situation.now:
                planned_at = autopay_outcome.following(profile, rule)
            return planned_at, planned_at
        case AutopayTrigger.BEFORE_SUBSCRIPTION_FEE:
            soon = situation.now + _LOOK_AGAIN
            charge = situation.next_charge
            return (min(soon, charge.at - LEAD) if charge and charge.at - LEAD > situation.now else soon), None
