"""Refunds (E43): asked for by who paid, decided by the operator. The bank's part is `services/refund_settlement.py`.

The decision takes the money from the account at once, so that it cannot be spent while the bank gives it back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.ledger import Posted
from domain.money import CurrencyCode, Money
from domain.profile import Profile
from domain.refund import REASON_LENGTHS, RefundRejected, RefundStatus, Share, check_refundable, share
from domain.refusals import InputRejected
from models import audit
from models.audit import TheUser
from models.database import tx
from services import ledger, refund_notice
from services.payment_row import COLUMNS as PAYMENT_COLUMNS
from services.payment_row import Desk, PaymentRow, row_of
from services.refund_settlement import COLUMNS, RefundRow, drive, refund_of, transfer

_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for the operator: for the list that an employee reads."""

    refund: RefundRow
    named: str
    paid: Money
    refunded: Money


_LOCK_PAYMENT = f"select {PAYMENT_COLUMNS} from payment where id = $1 for no key update"
_OPEN = f"select {COLUMNS} from refund where payment_id = $1 and status in ('REQUESTED', 'PROCESSING')"
_REQUEST = f"""
insert into refund
  (operator, payment_id, status, reason, asked_amount, amount, fee, key, created_at, checks)
values ($1, $2, 'REQUESTED', $3, $4, 0, 0, gen_random_uuid(), now(), 0)
returning {COLUMNS}
"""
_WAITING = f"""
select {COLUMNS}, (select named from payment p where p.id = refund.payment_id) as named,
  (select row(p.currency, p.amount, p.refunded) from payment p where p.id = refund.payment_id) as paid
from refund where status = 'REQUESTED' and operator = any($1::text[]) order by id limit 1000
"""
_LOCK = f"select {COLUMNS} from refund where id = $1 and operator = any($2::text[]) for no key update"
_PAYMENT_OF = "select payment_id from refund where id = $1 and operator = any($2::text[])"
_APPROVE = f"""
update refund set status = 'PROCESSING', amount = $2, fee = $3, decided_at = now(), decided_by = $4,
  check_at = now() + make_interval(secs => $5)
where id = $1 returning {COLUMNS}
"""
_DECLINE = f"""
update refund set status = 'DECLINED', decided_at = now(), ended_at = now(), decided_by = $2, answer = $3
where id = $1 returning {COLUMNS}
"""


async def request(
    profile: Profile, viewer: Viewer, payment_id: int, reason: str, amount: Money | None
) -> RefundRow | RefundRejected | InputRejected:
    """Ask for money back of one's own payment; while a request is open, asking again answers that one."""
    least, most = REASON_LENGTHS
    told = reason.strip()
    if not least <= len(told) <= most or "\0" in told:
        return InputRejected(f"Say why, in {least} to {most} characters", ("reason",))

    async def ask(connection: BaseDBAsyncClient) -> RefundRow | RefundRejected | InputRejected:
        rows = await connection.execute_query_dict(_LOCK_PAYMENT, [payment_id])
        payment = row_of(rows[0]) if rows else None
        if payment is None or (payment.payer_id, payment.operator) != (viewer.user_id, profile.operator.id):
            return RefundRejected("There is no such payment of yours")
        if opened := await connection.execute_query_dict(_OPEN, [payment_id]):
            return refund_of(opened[0])
        if refused := check_refundable(payment.method_kind, payment.status):
            return refused
        if amount is not None and amount.currency is not payment.currency:
            return InputRejected(f"The payment was in {payment.currency}", ("amount", "currency"))
        if _share(payment, amount) is None:
            return RefundRejected("So much of the payment is not left to give back", ("amount",))
        asked = None if amount is None else amount.minor
        [row] = await connection.execute_query_dict(_REQUEST, [payment.operator, payment_id, told, asked])
        await audit.record(connection, viewer, "REFUND_REQUESTED", payment=payment_id, target=payment.named)
        return refund_of(row)

    return await tx(ask)


async def waiting(operators: list[str]) -> list[Waiting]:
    """The requests that nobody has decided, oldest first."""

    async def read(connection: BaseDBAsyncClient) -> list[Waiting]:
        return [
            Waiting(
                refund_of({name: row[name] for name in row if name not in ("named", "paid")}),
                row["named"],
                Money(row["paid"][1], CurrencyCode(row["paid"][0])),
                Money(row["paid"][2], CurrencyCode(row["paid"][0])),
            )
            for row in await connection.execute_query_dict(_WAITING, [operators])
        ]

    return await tx(read)


async def approve(
    desk: Desk, profiles: Mapping[str, Profile], refund_id: int, by: str, amount: Decimal | None
) -> RefundRow | RefundRejected:
    """Give back what was asked for, or `amount` instead: the account pays now, the payer gets it from the bank.

    `amount` is in whole units of the payment's currency. Refused where the account does not have it; raises
    `MoneyRejected` for what is no amount. A lost answer of the bank's is asked for again by the recovery loop.
    """

    async def decide(connection: BaseDBAsyncClient) -> tuple[RefundRow, PaymentRow] | RefundRejected:
        found = await _lock(connection, profiles, refund_id)
        if isinstance(found, RefundRejected):
            return found
        refund, payment = found
        if refused := check_refundable(payment.method_kind, payment.status):
            return refused
        if payment.provider != desk.provider.name:
            return RefundRejected(f"The payment was made through {payment.provider}, which is not configured")
        wanted = None if amount is None else Money.from_decimal(amount, payment.currency)
        if wanted is None and refund.asked_amount is not None:
            wanted = Money(refund.asked_amount, payment.currency)
        given = _share(payment, wanted)
        if given is None:
            return RefundRejected("So much of the payment is not left to give back", ("amount",))
        # What was had on trust, or on credit, is not the account's to give back.
        available = Money(await ledger.own_money(connection, payment.operator, payment.account_id), payment.currency)
        if available < given.amount:
            return RefundRejected(f"The account has only {available}: approve that much, or less", ("amount",))
        [row] = await connection.execute_query_dict(
            _APPROVE, [refund_id, given.amount.minor, given.fee.minor, by[:_LONGEST_NAME], desk.patience_seconds]
        )
        approved = refund_of(row)
        posted = await ledger.post(connection, transfer(approved, payment))
        assert isinstance(posted, Posted), "the account is locked, and has more than its floor"
        payer = TheUser(payment.operator, payment.payer_id)
        total = str(given.total)
        await audit.record(connection, payer, "REFUND_APPROVED", payment=payment.id, amount=total, by=by)
        return approved, payment

    decided = await tx(decide)
    if isinstance(decided, RefundRejected):
        return decided
    refund, payment = decided
    return await drive(desk, profiles[payment.operator], refund, payment)


async def decline(profiles: Mapping[str, Profile], refund_id: int, by: str, answer: str) -> RefundRow | RefundRejected:
    """Refuse a request; who asked reads the answer."""

    async def decide(connection: BaseDBAsyncClient) -> RefundRow | RefundRejected:
        found = await _lock(connection, profiles, refund_id)
        if isinstance(found, RefundRejected):
            return found
        _, payment = found
        told = answer.strip()[: REASON_LENGTHS[1]]
        [row] = await connection.execute_query_dict(_DECLINE, [refund_id, by[:_LONGEST_NAME], told])
        payer = TheUser(payment.operator, payment.payer_id)
        await audit.record(connection, payer, "REFUND_DECLINED", payment=payment.id, answer=told, by=by)
        await refund_notice.declined(connection, profiles[payment.operator], payment, told)
        return refund_of(row)

    return await tx(decide)


async def _lock(
    connection: BaseDBAsyncClient, profiles: Mapping[str, Profile], refund_id: int
) -> tuple[RefundRow, PaymentRow] | RefundRejected:
    """A request that waits, with its payment; the payment is locked first, as everywhere."""
    named = await connection.execute_query_dict(_PAYMENT_OF, [refund_id, list(profiles)])
    if not named:
        return RefundRejected(f"There is no refund {refund_id}")
    [payment] = await connection.execute_query_dict(_LOCK_PAYMENT, [named[0]["payment_id"]])
    [row] = await connection.execute_query_dict(_LOCK, [refund_id, list(profiles)])
    refund = refund_of(row)
    if refund.status is not RefundStatus.REQUESTED:
        return RefundRejected(f"Refund {refund_id} was decided before: it is {refund.status}")
    return refund, row_of(payment)


def _share(payment: PaymentRow, wanted: Money | None) -> Share | None:
    currency = payment.currency
    return share(
        wanted, Money(payment.amount, currency), Money(payment.fee, currency), Money(payment.refunded, currency)
    )
