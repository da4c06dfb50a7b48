"""What follows an automatic payment: the next occasion, or another try, and who is told that it was not made (F080)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.autopay import Terms, next_payday, pause_after
from domain.money import CurrencyCode, Money
from domain.payment import WITHOUT_MONEY, AutopayTrigger, DeclineReason, PaymentMethodKind, PaymentStatus
from domain.profile import Profile
from domain.refusals import ErrorCode
from domain.wording import Wording, language_of
from models import audit, outbox
from models.audit import TheUser
from models.autopay import AutopayOutcome
from models.user import number_of
from services.payment_row import PaymentRow

COLUMNS = """
id, operator, user_id, account_id, line_id, named, trigger, currency, amount, threshold, monthly_cap, day_of_month,
method_id, (select m.kind from payment_method m where m.id = method_id) as method_kind, active, armed, round,
planned_at, due_at, failures, failure, failure_detail, last_run_at
"""

# A message that the day is over for is not worth reading.
_TTL_SECONDS = 86_400.0

_FAILED = Wording("{operator}: the automatic payment of {amount} for {account} was not made: {reason}.")
_AGAIN = Wording("We try again on {day} at {time}.")
_PAUSED = Wording("It is off until you turn it on again.")
_CAPPED = Wording("{operator}: the automatic payment for {account} was not made: your limit for a month is reached.")
_STOPPED = Wording(
    "{operator}: the automatic payment for {account} is off: you do not manage payments for it any more."
)
_TO_THE_NUMBER = Wording("{operator}: an automatic payment for your number was not made. Look at your balance.")

_POOR = Wording("there is not enough money on the card")
_UNUSABLE = Wording("the card cannot pay any more")
_REFUSED = Wording("the bank refused")
_NOT_TAKEN = Wording("the account or the card does not allow it")
_REASONS = {
    DeclineReason.INSUFFICIENT_FUNDS: _POOR,
    DeclineReason.LIMIT_EXCEEDED: _POOR,
    DeclineReason.METHOD_EXPIRED: _UNUSABLE,
    DeclineReason.METHOD_UNUSABLE: _UNUSABLE,
}


@dataclass(frozen=True, slots=True)
class AutopayRow:
    """A rule as it is stored; amounts in minor units of `currency`."""

    id: int
    operator: str
    user_id: int
    account_id: int
    line_id: int | None
    named: str
    trigger: AutopayTrigger
    currency: CurrencyCode
    amount: int
    threshold: int | None
    monthly_cap: int | None
    day_of_month: int | None
    method_id: int
    method_kind: PaymentMethodKind
    active: bool
    armed: bool
    round: int
    planned_at: datetime | None
    due_at: datetime | None
    failures: int
    failure: ErrorCode | None
    failure_detail: DeclineReason | None
    last_run_at: datetime | None

    @property
    def terms(self) -> Terms:
        """What the payer agreed to."""
        return Terms(
            self.trigger,
            Money(self.amount, self.currency),
            None if self.threshold is None else Money(self.threshold, self.currency),
            None if self.monthly_cap is None else Money(self.monthly_cap, self.currency),
            self.day_of_month,
        )


def row_of(columns: Mapping[str, Any]) -> AutopayRow:
    """A row of `COLUMNS`."""
    told = dict(columns)
    for name, kind in _ENUMS.items():
        if told[name] is not None:
            told[name] = kind(told[name])
    return AutopayRow(**told)


_ENUMS: dict[str, type[Any]] = {
    "trigger": AutopayTrigger,
    "currency": CurrencyCode,
    "method_kind": PaymentMethodKind,
    "failure": ErrorCode,
    "failure_detail": DeclineReason,
}

_RULE = f"""
select {COLUMNS} from autopay_rule where id = (select rule_id from autopay_run where payment_id = $1)
for no key update
"""
# A bank that takes back its word after another try has paid changes nothing here; the money is credited all the same.
_NOTE = """
update autopay_run r set outcome = $2 where payment_id = $1 and not exists (
  select from autopay_run o where o.rule_id = r.rule_id and o.occasion = r.occasion and o.id <> r.id
    and o.outcome is distinct from 'FAILED')
returning id
"""
# Money that is enough ends the dip at once; otherwise whoever raises the balance does.
_PAID = """
update autopay_rule r set failures = 0, failure = null, failure_detail = null, planned_at = $2,
  due_at = case when active then $3::timestamptz end, armed = w.risen, round = round + w.risen::int
from (
  select $4 <> 'BALANCE_BELOW' or exists (
    select from ledger_account a where a.account_id = $5 and a.kind = 'PERSONAL' and a.balance >= $6::bigint) as risen
) w
where r.id = $1
"""
_FAIL = """
update autopay_rule set failures = $2, failure = $3, failure_detail = $4, armed = true, active = active and $5,
  due_at = case when active and $5 then $6::timestamptz end
where id = $1
"""
_WAIT = "update autopay_rule set failure = $2, due_at = $3, planned_at = $4 where id = $1"
_STOP = "update autopay_rule set active = false, due_at = null, failure = $2, failure_detail = null where id = $1"
_PAYER = f"select language, {number_of('app_user.id')} as msisdn from app_user where id = $1"
_USERS = """
select l.msisdn, u.language from line l left join app_user u on u.id = l.user_id
where l.account_id = $1 and ($2::bigint is null or l.id = $2) and l.msisdn is not null
  and l.user_id is distinct from $3 and l.status not in ('TERMINATED', 'PORTED_OUT')
order by l.id
"""


async def settled(connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow) -> None:
    """Go on with the rule whose payment has come to an end, in the transaction that settles it."""
    rows = await connection.execute_query_dict(_RULE, [payment.id])
    if not rows:
        return
    rule = row_of(rows[0])
    if payment.status is PaymentStatus.COMPLETED:
        if await connection.execute_query_dict(_NOTE, [payment.id, AutopayOutcome.PAID]):
            await paid(connection, profile, rule)
    elif payment.status in WITHOUT_MONEY:
        await connection.execute_query_dict(_NOTE, [payment.id, AutopayOutcome.FAILED])
        detail = DeclineReason(payment.failure_detail) if payment.failure_detail is not None else None
        amount = Money(payment.amount, payment.currency)
        await failed(connection, profile, rule, amount, payment.failure or ErrorCode.PAYMENT_DECLINED, detail)


async def paid(connection: BaseDBAsyncClient, profile: Profile, rule: AutopayRow) -> None:
    """The occasion is paid for: the rule waits for the next."""
    planned_at = following(profile, rule)
    due_at = planned_at
    if rule.trigger is AutopayTrigger.BEFORE_SUBSCRIPTION_FEE:
        due_at = datetime.now(UTC)
    arguments = [rule.id, planned_at, due_at, rule.trigger, rule.account_id, rule.threshold]
    await connection.execute_query(_PAID, arguments)


async def failed(
    connection: BaseDBAsyncClient,
    profile: Profile,
    rule: AutopayRow,
    amount: Money,
    code: ErrorCode,
    detail: DeclineReason | None = None,
    *,
    final: bool = False,
) -> None:
    """The occasion is not paid for: try again later, or no more; the payer and whoever uses the number are told.

    With `final` there is no use in trying.
    """
    pause = None if final else pause_after(rule.failures + 1)
    again_at = None if pause is None else datetime.now(UTC) + pause
    arguments = [rule.id, rule.failures + 1, code, detail, again_at is not None, again_at]
    await connection.execute_query(_FAIL, arguments)
    if not rule.active:
        # It was stopped while its payment was on its way: whoever did that knows.
        return
    event = "AUTOPAY_FAILED" if again_at is not None else "AUTOPAY_PAUSED"
    payer = TheUser(rule.operator, rule.user_id)
    await audit.record(connection, payer, event, target=rule.named, amount=str(amount), because=code)
    reason = _REASONS.get(detail, _REFUSED) if detail is not None else _NOT_TAKEN
    told = [(_FAILED, {"amount": str(amount), "reason": reason})]
    if again_at is None:
        told.append((_PAUSED, {}))
    else:
        local = again_at.astimezone(profile.operator.zone)
        told.append((_AGAIN, {"day": f"{local:%d.%m}", "time": f"{local:%H:%M}"}))
    await _tell_payer(connection, profile, rule, told)
    await _tell_users(connection, profile, rule)


async def capped(connection: BaseDBAsyncClient, profile: Profile, rule: AutopayRow, until: datetime) -> None:
    """The payer's own limit for the month has no room: the rule rests until it has."""
    planned_at = following(profile, rule)
    await connection.execute_query(_WAIT, [rule.id, ErrorCode.LIMIT_EXCEEDED, planned_at or until, planned_at])
    await _tell_payer(connection, profile, rule, [(_CAPPED, {})])


async def stopped(connection: BaseDBAsyncClient, profile: Profile, rule: AutopayRow) -> None:
    """The payer may not pay for the account automatically any more (E31)."""
    await connection.execute_query(_STOP, [rule.id, ErrorCode.FORBIDDEN])
    payer = TheUser(rule.operator, rule.user_id)
    await audit.record(connection, payer, "AUTOPAY_STOPPED", target=rule.named, because="no right to it any more")
    await _tell_payer(connection, profile, rule, [(_STOPPED, {})])


def following(profile: Profile, rule: AutopayRow) -> datetime | None:
    """The day of the calendar after the one that was planned, and after now; None for a rule without a calendar."""
    if rule.day_of_month is None or rule.planned_at is None:
        return None
    return next_payday(rule.day_of_month, max(rule.planned_at, datetime.now(UTC)), profile.operator.zone)


async def _tell_payer(
    connection: BaseDBAsyncClient, profile: Profile, rule: AutopayRow, told: list[tuple[Wording, dict[str, Any]]]
) -> None:
    rows = await connection.execute_query_dict(_PAYER, [rule.user_id])
    if not rows or rows[0]["msisdn"] is None:
        return
    language = language_of(profile, rows[0]["language"])
    known = {"operator": profile.operator.name, "account": rule.named}
    sentences = []
    for wording, values in told:
        said = {name: each.text(language) if isinstance(each, Wording) else each for name, each in values.items()}
        sentences.append(wording.text(language, **known, **said))
    body = {"to": rows[0]["msisdn"], "text": " ".join(sentences)}
    await outbox.enqueue(connection, rule.operator, "sms", body, ttl_seconds=_TTL_SECONDS)


async def _tell_users(connection: BaseDBAsyncClient, profile: Profile, rule: AutopayRow) -> None:
    for user in await connection.execute_query_dict(_USERS, [rule.account_id, rule.line_id, rule.user_id]):
        text = _TO_THE_NUMBER.text(language_of(profile, user["language"]), operator=profile.operator.name)
        body = {"to": user["msisdn"], "text": text}
        await outbox.enqueue(connection, rule.operator, "sms", body, ttl_seconds=_TTL_SECONDS)
