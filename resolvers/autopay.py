"""Automatic payments: the viewer's own rules, making, changing and removing them (F080)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.access import Scope
from domain.autopay import Terms, Typed, read_terms
from domain.features import feature
from domain.money import Money
from domain.msisdn import mask
from domain.payment import AutopayTrigger, DeclineReason
from domain.payment_refusals import PaymentRefusal
from domain.refusals import ErrorCode, FeatureDisabled, Forbidden, InputRejected, NotFound, Refusal, StepUpRequired
from domain.sim import CooldownActive
from models.reader import Statement
from resolvers import confined, node_id, payment_method
from resolvers.context import Context
from resolvers.payment_method import PaymentMethod, method_key
from services import autopay_rule, sim_guard
from services.autopay_outcome import COLUMNS, AutopayRow, row_of
from services.autopay_rule import Wanted

Refused = Refusal | PaymentRefusal | CooldownActive


@dataclass(frozen=True, slots=True)
class AutopayRule:
    """A rule as its payer sees it."""

    id: int
    line_id: int | None
    account_id: int
    trigger: AutopayTrigger
    amount: Money
    threshold: Money | None
    monthly_cap: Money | None
    day_of_month: int | None
    method: PaymentMethod
    active: bool
    last_run_at: datetime | None
    failure: ErrorCode | None
    failure_detail: DeclineReason | None


@dataclass(frozen=True, slots=True)
class Form:
    """What the payer filled in."""

    rule_id: str | None
    line_id: str | None
    personal_account_id: str | None
    typed: Typed
    method_id: str
    active: bool


@dataclass(frozen=True, slots=True)
class _Target:
    account_id: int
    line_id: int | None
    named: str


def _row(*columns: Any) -> AutopayRow:
    return row_of(dict(zip(_NAMES, columns, strict=True)))


# A column that is worked out has its name last.
_NAMES = [column.split()[-1] for column in COLUMNS.split(",")]
_ALL: Statement[AutopayRow] = Statement(
    f"select {COLUMNS} from autopay_rule where user_id = $1 and operator = $2 and removed_at is null order by id", _row
)
_ONE: Statement[AutopayRow | None] = Statement(
    f"select {COLUMNS} from autopay_rule where user_id = $1 and operator = $2 and removed_at is null and id = $3", _row
)
_NO_LINE = NotFound("There is no such line to pay for", ("lineId",))
_NO_ACCOUNT = NotFound("There is no such account to pay into", ("personalAccountId",))
_NO_RULE = NotFound("There is no such rule of yours", ("ruleId",))


async def autopay_rules(context: Context) -> list[AutopayRule]:
    """The viewer's own rules; none for whoever does not see what the viewer pays with."""
    viewer = context.require_viewer()
    if confined.from_purse(viewer):
        return []
    return await _shown(context, await context.reads.fetch(_ALL, viewer.user_id, viewer.operator))


async def by_id(context: Context, rule_id: int) -> AutopayRule | None:
    """A rule of the viewer's."""
    if context.viewer is None or confined.from_purse(context.viewer):
        return None
    row = await _own(context, rule_id)
    return None if row is None else (await _shown(context, [row]))[0]


async def set_autopay(context: Context, form: Form) -> AutopayRule | Refused:
    """Make a rule or change one; told again it is the same rule."""
    viewer, profile = context.require_viewer(), context.profile
    if refused := confined.from_purse(viewer):
        return refused
    flag = feature(profile, "payments.autopay")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")
    # Asked of everybody (S in SPEC 4.4), whatever else `access.step_up_for` asks it for.
    if not viewer.stepped_up:
        return StepUpRequired()
    terms = read_terms(form.typed, profile)
    if not isinstance(terms, Terms):
        return terms
    rule = None
    if form.rule_id is not None and (rule := await _own(context, _key(form.rule_id, "AutopayRule"))) is None:
        return _NO_RULE
    target = await _target(context, form, rule)
    if not isinstance(target, _Target):
        return target
    wanted = Wanted(
        rule_id=rule.id if rule is not None else None,
        account_id=target.account_id,
        line_id=target.line_id,
        named=target.named,
        terms=terms,
        method_id=method_key(form.method_id),
        active=form.active,
    )
    provider = context.desk.provider.name
    await context.change(sim_guard.refresh(context.sims, profile, user_id=viewer.user_id, accounts=[target.account_id]))
    outcome = await context.change(autopay_rule.set_rule(profile, provider, viewer, wanted))
    return (await _shown(context, [outcome]))[0] if isinstance(outcome, AutopayRow) else outcome


async def delete_autopay(context: Context, global_id: str) -> Refused | None:
    """Remove a rule: it needs no fresh proof, and no right to what it pays for."""
    viewer = context.require_viewer()
    if refused := confined.from_purse(viewer):
        return refused
    return await context.change(autopay_rule.remove(viewer, _key(global_id, "AutopayRule")))


async def _own(context: Context, rule_id: int) -> AutopayRow | None:
    viewer = context.require_viewer()
    return await context.reads.fetch_one(_ONE, viewer.user_id, viewer.operator, rule_id)


async def _shown(context: Context, rows: Sequence[AutopayRow]) -> list[AutopayRule]:
    methods = await payment_method.own(context, [row.method_id for row in rows])
    return [
        AutopayRule(
            id=row.id,
            line_id=row.line_id,
            account_id=row.account_id,
            trigger=row.trigger,
            amount=row.terms.amount,
            threshold=row.terms.threshold,
            monthly_cap=row.terms.monthly_cap,
            day_of_month=row.day_of_month,
            method=methods[row.method_id],
            active=row.active,
            last_run_at=row.last_run_at,
            failure=row.failure,
            failure_detail=row.failure_detail,
        )
        for row in rows
    ]


async def _target(
    context: Context, form: Form, rule: AutopayRow | None
) -> _Target | NotFound | Forbidden | InputRejected:
    """What is paid into, where the viewer has AUTOPAY over it; unknown, foreign and another operator's are alike."""
    line_id, account_id = form.line_id, form.personal_account_id
    if line_id is not None and account_id is not None:
        return InputRejected("Name a line or an account, not both", ("personalAccountId",))
    if line_id is not None:
        return await _line(context, _key(line_id, "Line"))
    if account_id is not None:
        return await _account(context, _key(account_id, "PersonalAccount"))
    if rule is None:
        return InputRejected("Name the line or the account to pay for", ("lineId",))
    # A rule that is told without its target keeps it.
    return await (_account(context, rule.account_id) if rule.line_id is None else _line(context, rule.line_id))


async def _line(context: Context, line_id: int) -> _Target | NotFound | Forbidden:
    line = await context.loaders.line_by_id.load(line_id)
    if line is None or line.operator != context.profile.operator.id:
        return _NO_LINE
    if not line.allows(Scope.AUTOPAY):
        return Forbidden("You may not pay for this line automatically", ("lineId",))
    return _Target(line.account_id, line.id, mask(line.msisdn or line.service_point or ""))


async def _account(context: Context, account_id: int) -> _Target | NotFound | Forbidden:
    account = await context.loaders.account_by_id.load(account_id)
    if account is None or account.operator != context.profile.operator.id:
        return _NO_ACCOUNT
    if not account.allows(Scope.AUTOPAY):
        return Forbidden("You may not pay into this account automatically", ("personalAccountId",))
    return _Target(account.id, None, mask(account.number))


def _key(global_id: str, type_name: str) -> int:
    """The key of a global id; 0, which nothing has, for one that is no such thing."""
    named = node_id.decode(global_id)
    key = node_id.integer_key(named) if named is not None and named.type_name == type_name else None
    return key or 0
