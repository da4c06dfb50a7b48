"""Paying into accounts: quote, pay, confirm, give up, look back (F064–F075, F083)."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import orjson

from domain.access import NOBODY, AccessLevel, payments_seen
from domain.guest_grant import GuestGrantRejected
from domain.money import Money
from domain.payment import PaymentKind, PaymentMethodKind, PaymentStatus
from domain.payment_refusals import PaymentRefusal
from domain.payment_rules import check_kind, check_payee, fee, plain, read_amount
from domain.periods import PeriodRejected, day_range
from domain.refusals import Refusal
from loaders.actor import AuditActor
from loaders.refunds_by_payment_id import Refund
from loaders.visible import Account
from models.reader import Statement
from models.visible import ACCOUNT_COLUMNS, VISIBLE_ACCOUNTS, AccountRow, standing
from resolvers import confined, node_id, payment_target
from resolvers.context import Context
from resolvers.errors import invalid_input
from resolvers.live import follow
from resolvers.page import Page, page, position, size
from resolvers.payment_method import method_key
from resolvers.payment_target import Target, Wanted
from resolvers.sign_in import challenge_key
from services import payment
from services.payment import TopUp
from services.payment_row import COLUMNS, PaymentRow, row_of

Refused = Refusal | PaymentRefusal | GuestGrantRejected


@dataclass(frozen=True, slots=True)
class Quote:
    """What a payment would cost, or why it is not taken."""

    named: str | None
    amount: Money | None
    fee: Money | None
    bank_may_charge: bool
    refusals: list[Refused]


@dataclass(frozen=True, slots=True)
class Form:
    """What the payer filled in."""

    key: str
    target: Wanted
    amount: str
    currency: str
    kind: PaymentMethodKind
    method_id: str | None
    token: str | None
    receipt_email: str | None
    accept_terms: bool
    save_method: bool

    @property
    def digest(self) -> str:
        """What a repetition has in common with the first: whatever decides what is paid, for whom and with what.

        An amount is the same however it is written; `accept_terms` is not a part of the payment.
        """
        amount = plain(self.amount)
        # Of a payment that names no link the digest is what it was before there were any.
        *target, guest = astuple(self.target)
        told = [*target, *([guest] if guest else []), amount, self.currency, self.kind, self.method_id, self.token]
        return sha256(orjson.dumps([*told, self.receipt_email, self.save_method])).hexdigest()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which payments of a history are wanted; all where nothing is said."""

    days: tuple[date, date] | None = None
    status: Sequence[PaymentStatus] | None = None
    kinds: Sequence[PaymentKind] | None = None
    line_id: str | None = None
    account_id: str | None = None
    key: str | None = None


def _row(*columns: Any) -> PaymentRow:
    return row_of(dict(zip(_NAMES, columns, strict=True)))


_NAMES = [name.strip() for name in COLUMNS.split(",")]
_ONE: Statement[PaymentRow | None] = Statement(f"select {COLUMNS} from payment where id = $1 and operator = $2", _row)
_ACCOUNTS = Statement(VISIBLE_ACCOUNTS + f"select {ACCOUNT_COLUMNS} from visible", AccountRow)
# Whose history it is: of what the viewer paid, and of accounts whose payments the viewer may see.
_WHERE = """
operator = $1 and (payer_id = $2 or account_id = any($3::bigint[]))
  and ($4::timestamptz is null or created_at >= $4) and ($5::timestamptz is null or created_at < $5)
  and ($6::text[] is null or status = any($6)) and ($7::text[] is null or kind = any($7))
  and ($8::bigint is null or line_id = $8) and ($9::bigint is null or account_id = $9)
  and ($10::text is null or (key = $10 and payer_id = $2))
"""
_PAGE = Statement(
    f"select {COLUMNS} from payment where {_WHERE} and ($11::bigint is null or id < $11) order by id desc limit $12",
    _row,
)
_COUNT = Statement(f"select count(*) from payment where {_WHERE}", int)
# No row has it: an id that is none finds nothing, as one of a stranger's does.
_NOTHING = 0


async def quote(context: Context, target: Wanted, amount: str, currency: str, kind: PaymentMethodKind | None) -> Quote:
    """What a payment would cost; nothing is begun, and whatever stands against it is told at once (F066–F074)."""
    profile = context.profile
    context.require_viewer()
    refusals: list[Refused] = []
    money = read_amount(amount, currency, profile)
    if not isinstance(money, Money):
        refusals.append(money)
    if kind is not None and (disabled := check_kind(kind, profile)):
        refusals.append(disabled)
    found = await payment_target.find(context, target)
    if not isinstance(found, Target):
        refusals.append(found)
    elif refused := check_payee(await payment_target.payee(context, found), profile):
        refusals.append(refused)
    charge = fee(money, profile) if isinstance(money, Money) else None
    named = found.named if isinstance(found, Target) else None
    return Quote(
        named, money if isinstance(money, Money) else None, charge, profile.payments.bank_may_charge_note, refusals
    )


async def top_up(context: Context, form: Form) -> PaymentRow | Refused:
    """Pay; a repetition with the same key gives what became of the first."""
    viewer = context.require_viewer()
    needs_purse = form.method_id is not None or form.save_method
    if refused := confined.from_purse(viewer) if needs_purse else confined.from_paying(viewer):
        return refused
    desk, profile, secret = context.desk, context.profile, context.secret
    before = await context.change(payment.begun(viewer, form.key, form.digest))
    if isinstance(before, PaymentRow):
        return await context.change(payment.go_on(desk, profile, secret, viewer, before))
    if before is not None:
        return before
    money = read_amount(form.amount, form.currency, context.profile)
    if not isinstance(money, Money):
        return money
    found = await payment_target.find(context, form.target)
    if not isinstance(found, Target):
        return found
    wanted = TopUp(
        key=form.key,
        asked=form.digest,
        account_id=found.account_id,
        line_id=found.line_id,
        named=found.named,
        is_seen=found.is_seen,
        guest_id=found.guest_id,
        amount=money,
        kind=form.kind,
        method_id=method_key(form.method_id) if form.method_id is not None else None,
        token=form.token,
        receipt_email=form.receipt_email,
        accept_terms=form.accept_terms,
        save_method=form.save_method,
        return_url=f"{context.site}/payments?{urlencode({'key': form.key})}" if context.site else None,
    )
    return await context.change(payment.top_up(desk, profile, secret, viewer, wanted))


async def confirm(context: Context, challenge_id: str, code: str) -> PaymentRow | Refused:
    """Confirm a payment by code."""
    viewer = context.require_viewer()
    if refused := confined.from_paying(viewer):
        return refused
    proof = payment.confirm(context.desk, context.profile, context.secret, viewer, challenge_key(challenge_id), code)
    return await context.change(proof)


async def cancel(context: Context, global_id: str) -> PaymentRow | Refused:
    """Give up a payment."""
    viewer = context.require_viewer()
    if refused := confined.from_paying(viewer):
        return refused
    wanted = _key(global_id, "Payment")
    return await context.change(payment.cancel(context.desk, context.profile, viewer, wanted))


async def account_payments(
    context: Context, account: Account, wanted: Filter, first: int | None, after: str | None
) -> Page[PaymentRow]:
    """What of the history was paid into one account."""
    own = node_id.encode("PersonalAccount", account.id)
    if wanted.account_id not in (None, own):
        raise invalid_input("`personalAccountId` must be this account, or left out")
    return await payments(context, replace(wanted, account_id=own), first, after)


async def payments(context: Context, wanted: Filter, first: int | None, after: str | None) -> Page[PaymentRow]:
    """The history, newest first (F083): one's own payments, and those of accounts that one looks after."""
    viewer = context.require_viewer()
    limit, place = size(first), position(after, int)
    since, until = _moments(context, wanted.days)
    told = [
        context.profile.operator.id,
        # The telephone in somebody's hand is not proof enough to look back (F029).
        viewer.user_id if viewer.access_level is AccessLevel.FULL else NOBODY,
        await _accounts_with_history(context),
        since,
        until,
        list(wanted.status) if wanted.status is not None else None,
        list(wanted.kinds) if wanted.kinds is not None else None,
        _key(wanted.line_id, "Line"),
        _key(wanted.account_id, "PersonalAccount"),
        wanted.key.replace("\0", "") if wanted.key is not None else None,
    ]
    reads = context.reads
    found = await reads.fetch(_PAGE, *told, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await reads.fetch_one(_COUNT, *told) or 0

    return page(found[:limit], limit, place, lambda row: [row.id], count, has_more=len(found) > limit)


async def by_id(context: Context, payment_id: int) -> PaymentRow | None:
    """A payment that the viewer made, or may see in a history."""
    viewer = context.viewer
    found = await context.reads.fetch_one(_ONE, payment_id, context.profile.operator.id) if viewer else None
    if found is None or viewer is None:
        return None
    return found if payment.is_own(viewer, found) or found.account_id in await _accounts_with_history(context) else None


def payment_updated(context: Context, global_id: str) -> AsyncGenerator[PaymentRow, None]:
    """A payment at once and whenever it goes on, while the viewer may see it."""
    wanted = _key(global_id, "Payment")

    async def watched(_: Context) -> Mapping[int, str]:
        return {} if wanted is None else {wanted: f"payment:{wanted}"}

    return follow(context, watched, by_id)


async def _accounts_with_history(context: Context) -> list[int]:
    scope = context.loaders.scope
    viewer = context.require_viewer()
    rows = await context.reads.fetch(_ACCOUNTS, *scope.visibility)
    return [
        row.id
        for row in rows
        if (profile := scope.profile_of(row.operator)) is not None
        and payments_seen(standing(row), viewer.access_level, profile, scope.today(profile))
    ]


def _moments(context: Context, days: tuple[date, date] | None) -> tuple[datetime | None, datetime | None]:
    """The first moment of the first day and the first after the last, where the operator is (E57)."""
    if days is None:
        return None, None
    try:
        period = day_range(*days, context.profile.operator.zone)
    except PeriodRejected as error:
        raise invalid_input(f"`period` is not one: {error}") from None
    return period.start, period.end


def _key(global_id: str | None, type_name: str) -> int | None:
    """The key of a global id; for one that is no such thing a key that nothing has."""
    if global_id is None:
        return None
    named = node_id.decode(global_id)
    key = node_id.integer_key(named) if named is not None and named.type_name == type_name else None
    return _NOTHING if key is None else key


async def payer(context: Context, paid: PaymentRow) -> AuditActor | None:
    """Who paid, if the viewer knows them."""
    viewer = context.viewer
    kin = await context.loaders.kin_by_user_id.load(paid.payer_id)
    if kin is None or viewer is None:
        return None
    return AuditActor(kin.name, kin.role, kin.user_id == viewer.user_id, is_operator_staff=False)


async def refunds(context: Context, paid: PaymentRow) -> list[Refund]:
    """What the viewer asked to have back of their own payment."""
    viewer = context.viewer
    if viewer is None or viewer.user_id != paid.payer_id or not viewer.holds_keys:
        return []
    return await context.loaders.refunds_by_payment_id.load(paid.id)
