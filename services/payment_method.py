"""Means of payment that a user keeps (F079): added by consent, shared in a household if wanted, removed at any time."""

from dataclasses import dataclass, field
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.payment import CardScheme, PaymentMethodKind
from domain.payment_rules import Card
from gateways.payments import MethodDetails


@dataclass(frozen=True, slots=True)
class Means:
    """What a payment is to be made with, as far as it is known before: `card` is None where the bank does not tell."""

    card: Card | None
    fingerprint: str | None = field(default=None, repr=False)
    reference: str | None = field(default=None, repr=False)

    @classmethod
    def unknown(cls) -> "Means":
        """A means that the payer gives on the bank's own page."""
        return cls(None)

    @classmethod
    def of(cls, details: MethodDetails) -> "Means":
        """What the bank told of a token."""
        card = Card(details.kind, details.scheme, details.issuer_country, details.expires_year, details.expires_month)
        return cls(card, details.fingerprint)


# Whoever shares a method lets the adults of their household pay with it; VIEWER and CHILD pay with their own.
_USABLE = """
select m.id, m.reference, m.kind, m.scheme, m.issuer_country, m.expires_year, m.expires_month, m.fingerprint
from payment_method m
where m.id = $2 and m.removed_at is null and (m.user_id = $1 or (m.shared and exists (
  select from membership mine join membership theirs on theirs.household_id = mine.household_id
    join household h on h.id = mine.household_id
  where mine.user_id = $1 and mine.status = 'ACTIVE' and mine.role in ('OWNER', 'ADULT')
    and theirs.user_id = m.user_id and theirs.status = 'ACTIVE' and h.dissolved_at is null)))
"""
_KEEP = """
insert into payment_method
  (user_id, operator, provider, reference, kind, scheme, last_four, expires_year, expires_month, issuer_country,
   fingerprint, shared, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now())
on conflict (user_id, provider, reference) where removed_at is null do update set shared = excluded.shared
returning id
"""


async def usable(connection: BaseDBAsyncClient, user_id: int, method_id: int) -> Means | None:
    """A kept means that this user may pay with; None for an unknown, a foreign and a removed one alike."""
    rows = await connection.execute_query_dict(_USABLE, [user_id, method_id])
    if not rows:
        return None
    [row] = rows
    card = Card(
        PaymentMethodKind(row["kind"]),
        CardScheme(row["scheme"]) if row["scheme"] else None,
        row["issuer_country"],
        row["expires_year"],
        row["expires_month"],
    )
    return Means(card, row["fingerprint"], row["reference"])


async def keep(
    connection: BaseDBAsyncClient,
    operator: str,
    provider: str,
    user_id: int,
    reference: str,
    details: MethodDetails,
    *,
    shared: bool = False,
) -> int:
    """Keep a means under the provider's name for it, in the caller's transaction; gives our id of it."""
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
