"""Vouchers (F159): made in batches, redeemed once. Guesses are counted before anything is compared."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.lockout import network_of
from auth.session import Viewer
from domain.ledger import Transfer, TransferKind, clearing, personal
from domain.money import CurrencyCode, Money
from domain.payment import PaymentKind, PaymentMethodKind
from domain.payment_refusals import PaymentRejected
from domain.payment_rules import check_key, check_payee
from domain.profile import Profile
from domain.refusals import FeatureDisabled, Forbidden, IdempotencyConflict, InputRejected, RateLimited
from domain.voucher import VoucherRejected, code_hmac, new_code, read_code
from models import audit, counter
from models.database import tx
from services import child_policy, fees, ledger, payment_entry, payment_payee, promised_payment
from services.payment_entry import NewPayment
from services.payment_row import PaymentRow

# Wrong codes of a user in a day, and of a network, behind which there may be a shop that helps its customers.
GUESSES_PER_USER = 5
GUESSES_PER_NETWORK = 50
_DAY = 86_400
# Where a payment's bank stands in its row, and who holds the money of vouchers that were sold.
SOURCE = "voucher"


@dataclass(frozen=True, slots=True)
class Redemption:
    """What somebody asks for: `code` as it was typed, the rest is as in a top-up."""

    key: str
    asked: str
    account_id: int
    line_id: int | None
    named: str
    is_seen: bool
    code: str = field(repr=False)
    address: str | None = None


Refused = (
    FeatureDisabled | InputRejected | IdempotencyConflict | PaymentRejected | RateLimited | VoucherRejected | Forbidden
)

_NEW = """
insert into voucher (operator, code_hmac, currency, amount, created_at, expires_at)
select $1, unnest($2::bytea[]), $3, $4, now(), $5
on conflict (operator, code_hmac) do nothing
returning code_hmac
"""
_LOCK = """
select id, currency, amount from voucher
where operator = $1 and code_hmac = $2 and redeemed_at is null and expires_at > now() for update
"""
_REDEEMED = "update voucher set redeemed_at = now(), payment_id = $2 where id = $1"


async def create(profile: Profile, secret: bytes, *, count: int, amount: Money, expires_at: datetime) -> list[str]:
    """Make vouchers and give their codes, which nobody can tell again: only an HMAC of each is kept."""
    operator = profile.operator.id
    codes: dict[bytes, str] = {}
    while len(codes) < count:
        code = new_code()
        codes[code_hmac(secret, operator, code)] = code

    async def write(connection: BaseDBAsyncClient) -> list[str]:
        told = [operator, list(codes), amount.currency, amount.minor, expires_at]
        # A code that there is already is left out; of 10^16 that happens to nobody.
        return [codes[row["code_hmac"]] for row in await connection.execute_query_dict(_NEW, told)]

    return await tx(write)


def asked_for(secret: bytes, operator: str, target: Sequence[str | None], code: str) -> str:
    """What a repetition has to have in common with the first: the payee as it was named, and the code."""
    read = read_code(code)
    return payment_entry.digest(SOURCE, *target, code_hmac(secret, operator, read).hex() if read is not None else None)


async def redeem(profile: Profile, secret: bytes, viewer: Viewer, wanted: Redemption) -> PaymentRow | Refused:
    """Credit an account with a voucher, once for each voucher and each key of the payer's.

    Whatever is wrong with a code is answered alike, and counts as a guess.
    """
    if PaymentMethodKind.VOUCHER not in profile.payments.methods:
        return FeatureDisabled("payments.voucher", "This operator has no vouchers")
    if refused := check_key(wanted.key):
        return refused
    code = read_code(wanted.code)
    if code is None:
        # No voucher looks so: nothing was learnt, and nothing is counted.
        return VoucherRejected("A code has 16 digits, with or without spaces")
    operator = profile.operator.id
    hashed = code_hmac(secret, operator, code)

    async def work(connection: BaseDBAsyncClient) -> PaymentRow | Refused:
        if (before := await payment_entry.find(connection, viewer.user_id, wanted.key)) is not None:
            return before if before.asked == wanted.asked else IdempotencyConflict()
        target = await payment_payee.payee(connection, profile, wanted.account_id, is_seen=wanted.is_seen)
        if target is None:
            return InputRejected("There is no such account", ("target",))
        if refused := check_payee(target, profile):
            return refused
        if forbidden := await child_policy.top_up_refused(connection, profile, viewer.user_id, wanted.account_id):
            return forbidden
        counts = _counts(operator, viewer, wanted.address)
        for key, most in counts.items():
            shared = most != GUESSES_PER_USER
            guesses, ends_at = await counter.count(connection, key, _DAY, most, shared=shared)
            if guesses > most:
                return RateLimited(ends_at, "Too many wrong codes")
        found = await connection.execute_query_dict(_LOCK, [operator, hashed])
        if not found:
            # The same redemption may have been quicker; the lock was waited for, so now it is there.
            first = await payment_entry.find(connection, viewer.user_id, wanted.key)
            if first is None or first.asked != wanted.asked:
                return VoucherRejected()
            await counter.take_back(connection, list(counts))
            return first
        await counter.take_back(connection, list(counts))
        amount = Money(found[0]["amount"], CurrencyCode(found[0]["currency"]))
        return await _credit(connection, profile, viewer, wanted, found[0]["id"], amount)

    return await tx(work)


async def _credit(
    connection: BaseDBAsyncClient,
    profile: Profile,
    viewer: Viewer,
    wanted: Redemption,
    voucher_id: int,
    amount: Money,
) -> PaymentRow | IdempotencyConflict:
    operator = profile.operator.id
    new = NewPayment(
        operator=operator,
        payer_id=viewer.user_id,
        key=wanted.key,
        asked=wanted.asked,
        kind=PaymentKind.TOP_UP,
        account_id=wanted.account_id,
        line_id=wanted.line_id,
        named=wanted.named,
        amount=amount,
        method=PaymentMethodKind.VOUCHER,
        source=SOURCE,
    )
    payment = await payment_entry.enter(connection, new)
    if payment is None:
        # The key was quicker with another voucher: this one stays whole.
        return IdempotencyConflict()
    await connection.execute_query(_REDEEMED, [voucher_id, payment.id])
    transfer = Transfer.between(
        operator,
        TransferKind.VOUCHER,
        f"payment:{payment.id}",
        clearing(SOURCE),
        personal(wanted.account_id),
        amount,
    )
    await ledger.post(connection, transfer)
    await promised_payment.repay(connection, wanted.account_id)
    await fees.resume(connection, profile, wanted.account_id)
    await audit.record(connection, viewer, "VOUCHER_REDEEMED", amount=str(amount), target=wanted.named)
    return payment


def _counts(operator: str, viewer: Viewer, address: str | None) -> dict[str, int]:
    """Under what a guess is counted, and how many may be wrong."""
    counts = {f"voucher:{operator}:{viewer.user_id}": GUESSES_PER_USER}
    network = network_of(address)
    if network is not None:
        counts[f"voucher:{network}"] = GUESSES_PER_NETWORK
    return counts
