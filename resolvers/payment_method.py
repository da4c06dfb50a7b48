"""Means of payment that a user keeps: listing them, adding one, removing one (F068, F077, F079)."""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from domain.payment import CardScheme, PaymentMethodKind
from domain.payment_refusals import PaymentRefusal
from domain.payment_rules import check_interval, check_token
from domain.profile import Profile
from domain.refusals import Refusal
from models.reader import Statement
from models.visible import USABLE_METHOD
from resolvers import confined, node_id
from resolvers.context import Context
from services import payment_method
from services.payment_method import MethodKept

Refused = Refusal | PaymentRefusal


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A kept means of payment as those see it who may pay with it."""

    id: int
    kind: PaymentMethodKind
    scheme: CardScheme | None
    masked: str
    issuer_country: str | None
    expires_on: date | None
    shareable_in_household: bool
    is_own: bool
    last_used_at: datetime | None


# What it is told apart by, beside its last digits: a card by those alone, and not by its kind.
_NAMES = {
    PaymentMethodKind.CARD: "",
    PaymentMethodKind.APPLE_PAY: "Apple Pay",
    PaymentMethodKind.GOOGLE_PAY: "Google Pay",
    PaymentMethodKind.E_WALLET: "E-wallet",
    PaymentMethodKind.BANK_APP: "Bank app",
    PaymentMethodKind.SBP: "SBP",
}


def _method(
    id_: int,
    kind: str,
    scheme: str | None,
    last_four: str | None,
    issuer_country: str | None,
    year: int | None,
    month: int | None,
    shared: bool,
    is_own: bool,
    last_used_at: datetime | None,
) -> PaymentMethod:
    named = _NAMES[PaymentMethodKind(kind)]
    return PaymentMethod(
        id=id_,
        kind=PaymentMethodKind(kind),
        scheme=CardScheme(scheme) if scheme else None,
        masked=f"{named} ***{last_four}".lstrip() if last_four else named,
        issuer_country=issuer_country,
        expires_on=date(year, month, monthrange(year, month)[1]) if year and month else None,
        shareable_in_household=shared,
        is_own=is_own,
        last_used_at=last_used_at,
    )


# The same card may be kept by several people, and have paid without being kept: its fingerprint tells (E45).
_ANY = """
select m.id, m.kind, m.scheme, m.last_four, m.issuer_country, m.expires_year, m.expires_month, m.shared, m.user_id = $1,
  (select max(p.created_at) from payment p where p.operator = m.operator and p.fingerprint = m.fingerprint
    and p.status not in ('DECLINED', 'EXPIRED', 'CANCELLED'))
from payment_method m where m.operator = $2
"""
_METHODS = f"{_ANY} and m.provider = $3 and {USABLE_METHOD}"
_ALL: Statement[PaymentMethod] = Statement(f"{_METHODS} order by m.user_id <> $1, m.id desc", _method)
_ONE: Statement[PaymentMethod | None] = Statement(f"{_METHODS} and m.id = $4", _method)
# Removed ones too: what was agreed to be paid with them says so still.
_OWN: Statement[PaymentMethod] = Statement(f"{_ANY} and m.user_id = $1 and m.id = any($3::bigint[])", _method)


async def payment_methods(context: Context) -> list[PaymentMethod]:
    """One's own, the newest first, and then those that are shared; none for whoever may not pay with them."""
    viewer = context.require_viewer()
    if confined.from_purse(viewer):
        return []
    return await context.reads.fetch(_ALL, *_whose(context))


async def by_id(context: Context, method_id: int) -> PaymentMethod | None:
    """A means of payment that the viewer may pay with."""
    if context.viewer is None or confined.from_purse(context.viewer):
        return None
    return await context.reads.fetch_one(_ONE, *_whose(context), method_id)


async def own(context: Context, method_ids: Sequence[int]) -> Mapping[int, PaymentMethod]:
    """The viewer's own among these, removed ones too."""
    user_id, operator, _ = _whose(context)
    return {method.id: method for method in await context.reads.fetch(_OWN, user_id, operator, method_ids)}


def next_allowed_at(method: PaymentMethod, profile: Profile, now: datetime) -> datetime | None:
    """From when on it may pay again, where it has just paid (F068)."""
    soon = check_interval(method.last_used_at, now, profile)
    return soon.next_allowed_at if soon is not None else None


async def add(context: Context, kind: PaymentMethodKind, token: str, *, shared: bool) -> PaymentMethod | Refused:
    """Keep a means of payment."""
    viewer = context.require_viewer()
    if refused := confined.from_purse(viewer):
        return refused
    if rejected := check_token(token):
        return rejected
    provider = context.desk.provider
    outcome = await context.change(payment_method.add(provider, context.profile, viewer, kind, token, shared=shared))
    if not isinstance(outcome, MethodKept):
        return outcome
    kept = await by_id(context, outcome.method_id)
    assert kept is not None, "it is the viewer's own"
    return kept


async def remove(context: Context, global_id: str) -> Refused | None:
    """Forget a means of payment of the viewer's own."""
    viewer = context.require_viewer()
    if refused := confined.from_purse(viewer):
        return refused
    return await context.change(payment_method.remove(viewer, method_key(global_id)))


def method_key(global_id: str) -> int:
    """The key of a method's global id; 0, which nothing has, for what is none."""
    named = node_id.decode(global_id)
    key = node_id.integer_key(named) if named is not None and named.type_name == "PaymentMethod" else None
    return key or 0


def _whose(context: Context) -> tuple[Any, ...]:
    return context.require_viewer().user_id, context.profile.operator.id, context.desk.provider.name
