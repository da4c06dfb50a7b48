"""Promised payments (F081): taken once, given back by the next money that comes, collected when they are due.

What is owed is the ledger's account PROMISED. Locks are taken in one order: the limits of the line, the money of the
account, the promise, what is owed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import Scope
from domain.child_policy import UseKind, Wish
from domain.ledger import (
    Entry,
    LedgerAccountKind,
    LedgerAccountName,
    Posted,
    Transfer,
    TransferKind,
    personal,
    promised,
)
from domain.money import CurrencyCode, Money
from domain.msisdn import mask
from domain.payment_refusals import PaymentRejected
from domain.payment_rules import check_key
from domain.profile import Profile
from domain.promised_payment import PromisedOffer, PromisedPaymentUnavailable, offers, repayment, unavailable
from domain.refusals import FeatureDisabled, IdempotencyConflict, InputRejected
from domain.usage import ChargeType
from domain.usage_limit import Use
from domain.usage_limit_refusals import LimitExceeded, OwnerToBeAsked
from domain.wording import Wording, language_of
from models import audit, outbox
from models.audit import TheUser
from models.database import tx
from models.promised_payment import FACTS
from models.usage import spent
from services import ledger, limit_alert, usage_limit

BATCH = 20
# Whatever credits an account collects at once; this is for money that came by a door that forgot to.
_LOOK_AGAIN_SECONDS = 3600.0

_GIVEN = Wording(
    "{operator}: {amount} are on the account now. The next top-up pays {owed} back, by {day} at the latest."
)


@dataclass(frozen=True, slots=True)
class PromiseWanted:
    """What somebody asks for: `key` is the client's name of it, `offer` the id of what was offered."""

    key: str
    line_id: int
    account_id: int
    offer: str


@dataclass(frozen=True, slots=True)
class PromiseTaken:
    """The account has the money, now or by the same key before; it has to be back by `due_at`."""

    id: int
    line_id: int
    due_at: datetime


Refused = (
    FeatureDisabled
    | InputRejected
    | IdempotencyConflict
    | PaymentRejected
    | PromisedPaymentUnavailable
    | LimitExceeded
    | OwnerToBeAsked
)

# Whoever takes one comes in one after the other, and reads after the lock was granted.
_LOCK_ACCOUNT = "select id from personal_account where id = $1 and operator = $2 for no key update"
_BY_KEY = "select id, line_id, asked, due_at from promised_payment where taker_id = $1 and key = $2"
_TAKE = """
insert into promised_payment
  (operator, account_id, line_id, taker_id, key, asked, currency, amount, fee, taken_at, due_at, look_at, repayments)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now(), now() + make_interval(days => $10),
  now() + make_interval(days => $10), 0)
on conflict do nothing
returning id, line_id, asked, due_at
"""
_HOLDER = """
select l.msisdn, l.service_point, u.language from line l left join app_user u on u.id = l.user_id where l.id = $1
"""
_USER = "select user_id from line where id = $1"
_OPERATOR = "select operator from promised_payment where account_id = $1 and repaid_at is null"
_LOCK_OWED = """
select id, operator, taker_id, currency, repayments from promised_payment
where account_id = $1 and repaid_at is null for no key update
"""
_REPAID_SOME = "update promised_payment set repayments = repayments + 1 where id = $1"
_REPAID = """
update promised_payment set repayments = repayments + 1, repaid_at = now(), look_at = null where id = $1
"""
# The place in the queue is given up before anything is collected, so that locks are taken in the one order.
_TAKE_DUE = """
update promised_payment set look_at = now() + make_interval(secs => $2)
where id in (
  select id from promised_payment where look_at <= now() and operator = any($3::text[])
  order by look_at limit $1 for update skip locked
)
returning account_id
"""


async def take(profile: Profile, viewer: Viewer, wanted: PromiseWanted) -> PromiseTaken | Refused:
    """Credit an account on trust, once for each key of the taker's, while it owes no other. Rights are the caller's."""
    if refused := check_key(wanted.key):
        return refused
    operator = profile.operator.id

    async def work(connection: BaseDBAsyncClient) -> PromiseTaken | Refused:
        if not await connection.execute_query_dict(_LOCK_ACCOUNT, [wanted.account_id, operator]):
            return PromisedPaymentUnavailable("There is no such account here")
        if before := await connection.execute_query_dict(_BY_KEY, [viewer.user_id, wanted.key]):
            return _repeated(before[0], wanted)
        [facts] = await connection.execute_query_dict(FACTS, [[wanted.account_id]])
        is_owed, charged = facts["due_at"] is not None, facts["charged"]
        if refused := unavailable(profile, has_ended=facts["has_ended"], is_owed=is_owed, charged=charged):
            return refused
        offer = next((each for each in offers(profile, charged) if each.id == wanted.offer), None)
        if offer is None:
            return PromisedPaymentUnavailable("This is not offered, or not any more; look again", ("offerId",))
        if forbidden := await _forbidden(connection, profile, viewer, wanted.line_id, offer):
            return forbidden
        arguments = [operator, wanted.account_id, wanted.line_id, viewer.user_id, wanted.key, wanted.offer]
        arguments += [offer.amount.currency, offer.amount.minor, offer.fee.minor, offer.days]
        taken = await connection.execute_query_dict(_TAKE, arguments)
        if not taken:
            # The same key was quicker, for another account: this one is locked.
            [first] = await connection.execute_query_dict(_BY_KEY, [viewer.user_id, wanted.key])
            return _repeated(first, wanted)
        [row] = taken
        posted = await ledger.post(connection, _transfer(operator, row["id"], wanted.account_id, offer))
        assert isinstance(posted, Posted), "whatever is given on trust has no floor"
        if offer.fee.minor:
            day = limit_alert.local_day(profile)
            await spent(connection, wanted.line_id, day, ChargeType.OTHER, offer.fee.minor)
            await limit_alert.look(connection, profile, wanted.line_id)
        await _tell(connection, profile, viewer, wanted.line_id, offer, row["due_at"])
        return PromiseTaken(row["id"], row["line_id"], row["due_at"])

    return await tx(work)


async def _forbidden(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, line_id: int, offer: PromisedOffer
) -> LimitExceeded | OwnerToBeAsked | None:
    """What the line's limits say to the fee; who looks after a child has agreed by taking it for them (I14)."""
    [line] = await connection.execute_query_dict(_USER, [line_id])
    wish = Wish(
        UseKind.PAYMENT, Use(price=offer.fee.minor), scope=Scope.PAY, approved=line["user_id"] != viewer.user_id
    )
    return await usage_limit.may_spend(connection, profile, line_id, wish)


async def repay(connection: BaseDBAsyncClient, account_id: int) -> Money | None:
    """Give back what an account owes of a promise, as far as it can spend; in the transaction of every credit.

    Gives what was paid back now; None where nothing was owed, or nothing could be paid.
    """
    found = await connection.execute_query_dict(_OPERATOR, [account_id])
    if not found:
        return None
    funds = await ledger.lock_funds(connection, found[0]["operator"], personal(account_id))
    rows = await connection.execute_query_dict(_LOCK_OWED, [account_id])
    if not rows or funds is None:
        return None
    [row] = rows
    debt = await ledger.lock_funds(connection, row["operator"], promised(account_id))
    assert debt is not None, "what was promised is in the ledger"
    amount = repayment(-debt.balance, funds)
    if not amount:
        return None
    paid = Money(amount, CurrencyCode(row["currency"]))
    key = f"promised:{row['id']}:repaid:{row['repayments'] + 1}"
    transfer = Transfer.between(
        row["operator"], TransferKind.REPAYMENT, key, personal(account_id), promised(account_id), paid
    )
    posted = await ledger.post(connection, transfer)
    assert isinstance(posted, Posted), "both accounts are locked, and the amount is within the floor"
    whole = amount == -debt.balance
    await connection.execute_query(_REPAID if whole else _REPAID_SOME, [row["id"]])
    taker = TheUser(row["operator"], row["taker_id"])
    await audit.record(connection, taker, "PROMISED_PAYMENT_REPAID", amount=str(paid), whole=int(whole))
    return paid


async def collect(profiles: Mapping[str, Profile]) -> int:
    """Collect one batch of what is due, down to the floors; gives how many there were."""

    async def take_due(connection: BaseDBAsyncClient) -> list[int]:
        rows = await connection.execute_query_dict(_TAKE_DUE, [BATCH, _LOOK_AGAIN_SECONDS, list(profiles)])
        return [row["account_id"] for row in rows]

    due = await tx(take_due)
    for account_id in due:
        await _collect(account_id)
    return len(due)


async def _collect(account_id: int) -> None:
    await tx(lambda connection: repay(connection, account_id))


def _repeated(row: dict[str, Any], wanted: PromiseWanted) -> PromiseTaken | IdempotencyConflict:
    if (row["line_id"], row["asked"]) != (wanted.line_id, wanted.offer):
        return IdempotencyConflict()
    return PromiseTaken(row["id"], row["line_id"], row["due_at"])


def _transfer(operator: str, promise_id: int, account_id: int, offer: PromisedOffer) -> Transfer:
    """From what is owed to the account, and the fee to the operator."""
    currency = offer.amount.currency
    entries = [
        Entry(promised(account_id), Money(-offer.owed.minor, currency)),
        Entry(personal(account_id), offer.amount),
    ]
    if offer.fee.minor:
        entries.append(Entry(LedgerAccountName(LedgerAccountKind.FEES), offer.fee))
    return Transfer(operator, TransferKind.PROMISED, f"promised:{promise_id}", tuple(entries))


async def _tell(
    connection: BaseDBAsyncClient,
    profile: Profile,
    viewer: Viewer,
    line_id: int,
    offer: PromisedOffer,
    due_at: datetime,
) -> None:
    """Tell the taker's cabinet, and the number, whose user may be a child that asked nobody."""
    [line] = await connection.execute_query_dict(_HOLDER, [line_id])
    named = mask(line["msisdn"] or line["service_point"] or "")
    await audit.record(connection, viewer, "PROMISED_PAYMENT_TAKEN", amount=str(offer.amount), target=named)
    if line["msisdn"]:
        text = _GIVEN.text(
            language_of(profile, line["language"]),
            operator=profile.operator.name,
            amount=offer.amount,
            owed=offer.owed,
            day=due_at.astimezone(profile.operator.zone).strftime("%d.%m.%Y"),
        )
        await outbox.enqueue(connection, profile.operator.id, "sms", {"to": line["msisdn"], "text": text})
