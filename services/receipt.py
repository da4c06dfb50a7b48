"""What a receipt has to say, of a payment that reached its account (F084)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.money import CurrencyCode, Money
from domain.profile import Profile
from domain.receipt import Receipt, Sheet, number_of, sheet
from models.database import tx
from models.visible import VISIBLE_ACCOUNTS

_FACTS = """
select p.id as number, p.payer_id, p.account_id, p.completed_at as at, a.number as account_number, p.named,
  (select value from login where user_id = p.payer_id order by kind <> 'MSISDN', id limit 1) as payer,
  p.currency, p.amount, p.fee, p.refunded
from payment p join personal_account a on a.id = p.account_id
where p.id = $1 and p.operator = $2 and p.completed_at is not null
"""
_IS_KNOWN = VISIBLE_ACCOUNTS + "select exists (select from visible where id = $4) as is_known"


class _Facts(NamedTuple):
    number: int
    payer_id: int
    account_id: int
    at: datetime
    account_number: str
    named: str
    payer: str | None
    currency: str
    amount: int
    fee: int
    refunded: int


async def of_payment(connection: BaseDBAsyncClient, profile: Profile, payment_id: int) -> Receipt | None:
    """The receipt of a payment; None while it has none, or where the operator has no such payment."""
    rows = await connection.execute_query_dict(_FACTS, [payment_id, profile.operator.id])
    if not rows:
        return None
    facts = _Facts(**rows[0])
    visibility = [facts.payer_id, profile.operator.id, not profile.linking.same_operator_only, facts.account_id]
    [known] = await connection.execute_query_dict(_IS_KNOWN, visibility)
    return _receipt(facts, known)


async def document(profile: Profile, name: str) -> Sheet | None:
    """The sheet of a document by its id, such as receipt-12."""
    number = number_of(name)
    if number is None:
        return None
    found = await tx(lambda connection: of_payment(connection, profile, number))
    return None if found is None else sheet(found, profile)


def _receipt(facts: _Facts, known: Mapping[str, Any]) -> Receipt:
    currency = CurrencyCode(facts.currency)
    return Receipt(
        number=facts.number,
        at=facts.at,
        account_number=facts.account_number,
        named=facts.named,
        payer=facts.payer,
        is_known=known["is_known"],
        amount=Money(facts.amount, currency),
        fee=Money(facts.fee, currency),
        refunded=Money(facts.refunded, currency),
    )
