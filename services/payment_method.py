"""Means of payment that a user keeps (F079): added by consent, shared in a household if wanted, removed at any time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.payment import BY_CARD, CardScheme, PaymentMethodKind
from domain.payment_refusals import PaymentRejected, PaymentUnavailable
from domain.payment_rules import Card, check_card, check_kind, this_month
from domain.profile import Profile
from domain.refusals import FeatureDisabled, InputRejected, MethodDisabled, NotFound, RateLimited
from gateways.payments import (
    Declined,
    MethodDetails,
    MethodSaved,
    NewMethod,
    PaymentProvider,
    ProviderFailed,
    Token,
)
from models import audit, counter
from models.database import tx
from models.visible import USABLE_METHOD

# Whoever tries out cards that are not theirs tries many.
MOST_ADDED = 10
_ADDED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Means:
    """What a payment is to be made with, as far as it is known before: `card` is None where the bank does not tell."""

    card: Card | None
    fingerprint: str | None = field(default=None, repr=False)

    @classmethod
    def unknown(cls) -> "Means":
        """A means that the payer gives on the bank's own page."""
        return cls(None)

    @classmethod
    def of(cls, details: MethodDetails) -> "Means":
        """What the bank told of a token."""
        card = Card(details.kind, details.scheme, details.issuer_country, details.expires_year, details.expires_month)
        return cls(card, details.fingerprint if details.kind in BY_CARD else None)


_USABLE = f"""
select m.id, m.reference, m.kind, m.scheme, m.issuer_country, m.expires_year, m.expires_month, m.fingerprint
from payment_method m
where m.id = $2 and m.operator = $3 and m.provider = $4 and {USABLE_METHOD} for share of m
"""
_OWN = """
select kind, scheme, issuer_country, expires_year, expires_month, fingerprint from payment_method
where id = $1 and operator = $2 and user_id = $3 and provider = $4 and removed_at is null for share
"""
_KEEP = """
insert into payment_method
  (user_id, operator, provider, reference, kind, scheme, last_four, expires_year, expires_month, issuer_country,
   fingerprint, shared, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12::boolean, false), now())
on conflict (user_id, provider, reference) where removed_at is null
do update set shared = coalesce($12::boolean, payment_method.shared)
returning id
"""
_REMOVE = """
update payment_method set removed_at = now() where id = $1 and user_id = $2 and removed_at is null returning id
"""


@dataclass(frozen=True, slots=True)
class MethodKept:
    """A means of payment is on record, with our id of it."""

    method_id: int


AddRefused = FeatureDisabled | InputRejected | MethodDisabled | PaymentRejected | PaymentUnavailable | RateLimited


async def add(
    provider: PaymentProvider, profile: Profile, viewer: Viewer, kind: PaymentMethodKind, token: str, *, shared: bool
) -> MethodKept | AddRefused:
    """Keep a means of payment without paying (F077, F079). The same token keeps the same one, however often."""
    if refused := check_kind(kind, profile):
        return refused
    if limited := await tx(lambda connection: _admit(connection, viewer)):
        return limited
    try:
        details = await provider.method_details(Token(token))
        if details is not None and (refused_now := _check(details, kind, profile)):
            return refused_now
        # Ours and one-way: the provider's name for it may follow from the key.
        key = str(uuid5(NAMESPACE_OID, f"{viewer.operator}:{viewer.user_id}:{token}"))
        outcome = await provider.save_method(NewMethod(key, token, None))
    except ProviderFailed:
        return PaymentUnavailable("The bank does not answer; nothing was kept. Try again later")
    match outcome:
        case Declined():
            return InputRejected("The bank does not keep this: give a new token of its form", ("token",))
        case MethodSaved(reference, method):
            if refused_now := _check(method, kind, profile):
                return refused_now
            return await tx(
                lambda connection: _kept(connection, provider.name, viewer, reference, method, shared=shared)
            )
        case _:
            return MethodDisabled("This bank keeps a card while paying with it: topUp with saveMethod")


async def remove(viewer: Viewer, method_id: int) -> NotFound | None:
    """Pay with it no more. The row stays for the payments that it made; those on their way go on."""

    async def work(connection: BaseDBAsyncClient) -> NotFound | None:
        if not await connection.execute_query_dict(_REMOVE, [method_id, viewer.user_id]):
            return NotFound("There is no such method of yours", ("paymentMethodId",))
        await audit.record(connection, viewer, "PAYMENT_METHOD_REMOVED", method=method_id)
        return None

    return await tx(work)


async def usable(connection: BaseDBAsyncClient, viewer: Viewer, provider: str, method_id: int) -> Means | None:
    """A kept means that this user may pay with; None for an unknown, a foreign and a removed one alike.

    Nobody removes it before the caller commits: what was removed by then does not pay.
    """
    rows = await connection.execute_query_dict(_USABLE, [viewer.user_id, method_id, viewer.operator, provider])
    if not rows:
        return None
    return _means(rows[0])


async def own(
    connection: BaseDBAsyncClient, operator: str, user_id: int, provider: str, method_id: int
) -> Means | None:
    """The same of a means that is the user's own, which nobody can stop sharing: what pays unasked pays with these."""
    rows = await connection.execute_query_dict(_OWN, [method_id, operator, user_id, provider])
    return _means(rows[0]) if rows else None


async def keep(
    connection: BaseDBAsyncClient,
    operator: str,
    provider: str,
    user_id: int,
    reference: str,
    details: MethodDetails,
    *,
    shared: bool | None = None,
) -> int:
    """Keep a means under the provider's name for it, in the caller's transaction; gives our id of it.

    `shared` None leaves a known one as it is, and a new one to its user alone.
    """
    told: list[Any] = [
        user_id,
        operator,
        provider,
        reference,
        details.kind,
        details.scheme,
        details.last_four,
        details.expires_year,
        details.expires_month,
        details.issuer_country,
        details.fingerprint,
        shared,
    ]
    [row] = await connection.execute_query_dict(_KEEP, told)
    method_id: int = row["id"]
    return method_id


def _means(row: Mapping[str, Any]) -> Means:
    card = Card(
        PaymentMethodKind(row["kind"]),
        CardScheme(row["scheme"]) if row["scheme"] else None,
        row["issuer_country"],
        row["expires_year"],
        row["expires_month"],
    )
    return Means(card, row["fingerprint"] if card.kind in BY_CARD else None)


def _check(details: MethodDetails, kind: PaymentMethodKind, profile: Profile) -> InputRejected | PaymentRejected | None:
    if details.kind is not kind:
        return InputRejected(f"What is given is not {kind} but {details.kind}", ("kind",))
    card = Means.of(details).card
    return check_card(card, this_month(profile), profile) if card is not None else None


async def _admit(connection: BaseDBAsyncClient, viewer: Viewer) -> RateLimited | None:
    count, ends_at = await counter.count(connection, f"methods:{viewer.user_id}", _ADDED_SECONDS, MOST_ADDED)
    return RateLimited(ends_at, "Too many new methods of payment") if count > MOST_ADDED else None


async def _kept(
    connection: BaseDBAsyncClient,
    provider: str,
    viewer: Viewer,
    reference: str,
    details: MethodDetails,
    *,
    shared: bool,
) -> MethodKept:
    method_id = await keep(connection, viewer.operator, provider, viewer.user_id, reference, details, shared=shared)
    await audit.record(connection, viewer, "PAYMENT_METHOD_ADDED", method=method_id)
    return MethodKept(method_id)
