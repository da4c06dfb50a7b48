"""What a payer gets after paying: a letter with the account and the amount, and the receipt (F075, F084)."""

from dataclasses import asdict

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.profile import Profile
from domain.receipt import name_of, sheet
from domain.wording import Wording, language_of
from models import outbox
from services import receipt
from services.payment_row import PaymentRow

_SUBJECT = Wording("{operator}: your payment of {amount}")
_LETTER = Wording(
    "Hello!\n\n{amount} came to the account {account} on {day}.\nPayment {number}, fee {fee}.\n\n{operator}"
)
_LANGUAGE = "select language from app_user where id = $1"


async def send(connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow) -> None:
    """Write the letter, in the transaction that completes; where the payer gave no address, none.

    What the receipt says goes with it: whoever delivers the letter prints it.
    """
    if payment.receipt_email is None:
        return
    found = await receipt.of_payment(connection, profile, payment.id)
    assert found is not None, "it has just been completed"
    [row] = await connection.execute_query_dict(_LANGUAGE, [payment.payer_id])
    language = language_of(profile, row["language"])
    values = {
        "operator": profile.operator.name,
        "amount": str(found.amount),
        "fee": str(found.fee),
        "account": found.shown_account,
        "number": found.number,
        "day": found.at.astimezone(profile.operator.zone).strftime("%d.%m.%Y"),
    }
    body = {
        "to": payment.receipt_email,
        "subject": _SUBJECT.text(language, **values),
        "text": _LETTER.text(language, **values),
        "receipt": {"name": f"{name_of(payment.id)}.pdf", "sheet": asdict(sheet(found, profile))},
    }
    await outbox.enqueue(connection, payment.operator, "email", body, dedup=f"receipt:{payment.id}")
