"""Payments that no bank makes: their rows beside the others, so that history and receipts have them."""

import hashlib
from dataclasses import dataclass
from uuid import uuid4

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.money import Money
from domain.payment import ConfirmationKind, PaymentKind, PaymentMethodKind, PaymentStatus
from services.payment_row import COLUMNS, PaymentRow, row_of


@dataclass(frozen=True, slots=True)
class NewPayment:
    """A payment that begins: `key` is the payer's name of it, `asked` a digest of what a repetition must repeat.

    `source` stands where others have their bank. With `confirm_seconds` it waits so long for its payer; without, the
    money has moved in the same transaction.
    """

    operator: str
    payer_id: int
    key: str
    asked: str
    kind: PaymentKind
    account_id: int
    line_id: int | None
    named: str
    amount: Money
    method: PaymentMethodKind
    source: str
    confirm_seconds: float | None = None


_FIND = f"select {COLUMNS} from payment where payer_id = $1 and key = $2"
_ENTER = f"""
insert into payment
  (operator, payer_id, key, asked, kind, status, account_id, line_id, named, currency, amount, fee, refunded,
   method_kind, save_method, provider, provider_key, confirmation, created_at, completed_at, check_at, confirm_by,
   checks)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, $12, false, $13, $14, $15, now(),
  case when $16::float8 is null then now() end, now() + make_interval(secs => $16), now() + make_interval(secs => $16),
  0)
on conflict (payer_id, key) do nothing
returning {COLUMNS}
"""


async def find(connection: BaseDBAsyncClient, payer_id: int, key: str) -> PaymentRow | None:
    """The payment that a payer named so."""
    rows = await connection.execute_query_dict(_FIND, [payer_id, key])
    return row_of(rows[0]) if rows else None


async def enter(connection: BaseDBAsyncClient, new: NewPayment) -> PaymentRow | None:
    """Write it down; None where the payer has a payment of that name."""
    waits = new.confirm_seconds is not None
    told = [
        new.operator,
        new.payer_id,
        new.key,
        new.asked,
        new.kind,
        PaymentStatus.AWAITING_CONFIRMATION if waits else PaymentStatus.COMPLETED,
        new.account_id,
        new.line_id,
        new.named,
        new.amount.currency,
        new.amount.minor,
        new.method,
        new.source,
        uuid4(),
        ConfirmationKind.SMS_CODE if waits else ConfirmationKind.NONE,
        new.confirm_seconds,
    ]
    rows = await connection.execute_query_dict(_ENTER, told)
    return row_of(rows[0]) if rows else None


def digest(*asked: object) -> str:
    """What a repetition has to have in common with the first."""
    return hashlib.sha256(orjson.dumps(asked)).hexdigest()
