"""Rules for automatic payments, as their payers make, change and remove them (F080)."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.autopay import Terms, month_name, next_payday
from domain.payment_refusals import PaymentRejected
from domain.payment_rules import check_card, check_kind, check_payee, this_month
from domain.profile import Profile
from domain.refusals import FeatureDisabled, InputRejected, NotFound
from domain.sim import CooldownActive
from models import audit
from models.database import tx
from services import payment_method, payment_payee, sim_guard
from services.autopay_outcome import COLUMNS, AutopayRow, row_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a payer asks for: a new rule for an account, or other terms of an old one."""

    rule_id: int | None
    account_id: int
    line_id: int | None
    named: str
    terms: Terms
    method_id: int
    active: bool


Refused = InputRejected | PaymentRejected | FeatureDisabled | NotFound | CooldownActive

_FIND = f"""
select {COLUMNS} from autopay_rule
where user_id = $1 and removed_at is null
  and case when $2::bigint is null then account_id = $3 and trigger = $4 else id = $2 end
for no key update
"""
_MAKE = f"""
insert into autopay_rule
  (operator, user_id, account_id, line_id, named, trigger, currency, amount, threshold, monthly_cap, day_of_month,
   method_id, active, armed, round, planned_at, due_at, failures, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, true, 1, $14, $15, 0, now())
on conflict (user_id, account_id, trigger) where removed_at is null do nothing
returning {COLUMNS}
"""
# Whoever changes the terms of a rule that has paid for this dip of the balance has still paid for it.
_CHANGE = """
update autopay_rule r set line_id = $2, named = $3, amount = $4, threshold = $5, monthly_cap = $6, day_of_month = $7,
  method_id = $8, active = $9, planned_at = $10,
  due_at = case when $9 and (r.armed or w.risen) then $11::timestamptz end,
  armed = r.armed or w.risen, round = r.round + (not r.armed and w.risen)::int,
  failures = 0, failure = null, failure_detail = null
from (
  select exists (
    select from ledger_account a join autopay_rule o on o.account_id = a.account_id
    where o.id = $1 and a.kind = 'PERSONAL' and a.balance >= $5::bigint) as risen
) w
where r.id = $1
"""
_AGAIN = f"select {COLUMNS} from autopay_rule where id = $1"
_PAID = """
select exists (
  select from autopay_run where rule_id = $1 and occasion = $2 and outcome is distinct from 'FAILED') as paid
"""
_REMOVE = """
update autopay_rule set removed_at = now(), active = false, due_at = null
where id = $1 and user_id = $2 and removed_at is null returning named
"""


async def set_rule(profile: Profile, provider: str, viewer: Viewer, wanted: Wanted) -> AutopayRow | Refused:
    """Make a rule, or change it: a rule that is told twice, by its id or by its account and trigger, is one rule."""

    async def write(connection: BaseDBAsyncClient) -> AutopayRow | Refused:
        if refused := await _refuses(connection, profile, provider, viewer, wanted):
            return refused
        # To stop paying never waits.
        held_up = await sim_guard.cooling(connection, profile, user_id=viewer.user_id, accounts=[wanted.account_id])
        if wanted.active and held_up is not None:
            return held_up
        written = None
        while written is None:
            rule = await _find(connection, viewer, wanted)
            if rule is None and wanted.rule_id is not None:
                return _unknown()
            if rule is not None and (refused := _other_rule(rule, wanted)):
                return refused
            if rule is None:
                # Nothing is made where somebody was quicker with the same: then theirs is changed.
                written = await _make(connection, profile, viewer, wanted)
            else:
                written = await _change(connection, profile, rule, wanted)
        terms = wanted.terms
        told = {"target": wanted.named, "trigger": terms.trigger, "amount": str(terms.amount)}
        await audit.record(connection, viewer, "AUTOPAY_SET", **told, active=str(wanted.active).lower())
        return written

    return await tx(write)


async def remove(viewer: Viewer, rule_id: int) -> NotFound | None:
    """Remove a rule of the viewer's; a payment that it has begun goes to its target (I12)."""

    async def write(connection: BaseDBAsyncClient) -> NotFound | None:
        removed = await connection.execute_query_dict(_REMOVE, [rule_id, viewer.user_id])
        if not removed:
            return _unknown()
        await audit.record(connection, viewer, "AUTOPAY_REMOVED", target=removed[0]["named"])
        return None

    return await tx(write)


async def _refuses(
    connection: BaseDBAsyncClient, profile: Profile, provider: str, viewer: Viewer, wanted: Wanted
) -> Refused | None:
    means = await payment_method.own(connection, viewer.operator, viewer.user_id, provider, wanted.method_id)
    if means is None or means.card is None:
        return InputRejected("There is no such method of yours", ("paymentMethodId",))
    refused = check_kind(means.card.kind, profile) or check_card(means.card, this_month(profile), profile)
    if refused is not None:
        return replace(refused, field=("paymentMethodId",))
    payee = await payment_payee.payee(connection, profile, wanted.account_id, is_seen=True)
    if payee is None:
        return NotFound("There is no such account to pay into", ("personalAccountId",))
    banned = check_payee(payee, profile)
    return None if banned is None else replace(banned, field=None)


def _other_rule(rule: AutopayRow, wanted: Wanted) -> InputRejected | None:
    if rule.trigger is not wanted.terms.trigger:
        return InputRejected("A rule keeps its trigger: make another rule", ("trigger",))
    if rule.account_id != wanted.account_id:
        return InputRejected("A rule keeps its account: make another rule", ("personalAccountId",))
    return None


async def _find(connection: BaseDBAsyncClient, viewer: Viewer, wanted: Wanted) -> AutopayRow | None:
    told = [viewer.user_id, wanted.rule_id, wanted.account_id, wanted.terms.trigger]
    rows = await connection.execute_query_dict(_FIND, told)
    return row_of(rows[0]) if rows else None


async def _make(connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, wanted: Wanted) -> AutopayRow | None:
    now = datetime.now(UTC)
    day = wanted.terms.day_of_month
    planned_at = None if day is None else next_payday(day, now, profile.operator.zone)
    target = [profile.operator.id, viewer.user_id, wanted.account_id, wanted.line_id, wanted.named]
    due_at = (planned_at or now) if wanted.active else None
    told = [*target, wanted.terms.trigger, wanted.terms.amount.currency, *_amounts(wanted.terms)]
    rows = await connection.execute_query_dict(_MAKE, [*told, wanted.method_id, wanted.active, planned_at, due_at])
    return row_of(rows[0]) if rows else None


async def _change(connection: BaseDBAsyncClient, profile: Profile, rule: AutopayRow, wanted: Wanted) -> AutopayRow:
    now = datetime.now(UTC)
    planned_at = await _planned(connection, profile, rule, wanted.terms, now)
    due_at = max(planned_at, now) if planned_at is not None else now
    told = [rule.id, wanted.line_id, wanted.named, *_amounts(wanted.terms)]
    await connection.execute_query(_CHANGE, [*told, wanted.method_id, wanted.active, planned_at, due_at])
    [row] = await connection.execute_query_dict(_AGAIN, [rule.id])
    return row_of(row)


async def _planned(
    connection: BaseDBAsyncClient, profile: Profile, rule: AutopayRow, terms: Terms, now: datetime
) -> datetime | None:
    """The day that a changed rule of the calendar pays for next: one a month, and a month that failed is not over."""
    if terms.day_of_month is None or rule.planned_at is None:
        return None
    zone = profile.operator.zone
    failed = rule.failures > 0 and month_name(rule.planned_at, zone) == month_name(now, zone)
    if failed and rule.planned_at <= now:
        return rule.planned_at
    planned_at = next_payday(terms.day_of_month, now, zone)
    [row] = await connection.execute_query_dict(_PAID, [rule.id, month_name(planned_at, zone)])
    return next_payday(terms.day_of_month, planned_at, zone) if row["paid"] else planned_at


def _amounts(terms: Terms) -> list[Any]:
    return [
        terms.amount.minor,
        None if terms.threshold is None else terms.threshold.minor,
        None if terms.monthly_cap is None else terms.monthly_cap.minor,
        terms.day_of_month,
    ]


def _unknown() -> NotFound:
    return NotFound("There is no such rule of yours", ("ruleId",))
