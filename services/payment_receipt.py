"""What a payer gets after paying: a letter with the account and the amount (F075, F084)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.money import Money
from domain.profile import Profile
from domain.wording import Wording, language_of
from models import outbox
from services.payment_row import PaymentRow

_SUBJECT = Wording("{operator}: your payment of {amount}")
_LETTER = Wording(
    "Hello!\n\n{amount} came to the account {account} on {day}.\nPayment {number}, fee {fee}.\n\n{operator}"
)
_ACCOUNT = """
select a.number, u.language from personal_account a, app_user u where a.id = $1 and u.id = $2
"""


async def send(connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow) -> None:
    """Write the letter, in the transaction that settles; where the payer gave no address, none."""
    if payment.receipt_email is None:
        return
    [row] = await connection.execute_query_dict(_ACCOUNT, [payment.account_id, payment.payer_id])
    language = language_of(profile, row["language"])
    values = {
        "operator": profile.operator.name,
        "amount": str(Money(payment.amount, payment.currency)),
        "fee": str(Money(payment.fee, payment.currency)),
        "account": row["number"],
        "number": payment.id,
        "day": payment.created_at.astimezone(profile.operator.zone).strftime("%d.%m.%Y"),
    }
    body = {
        "to": payment.receipt_email,
        "subject": _SUBJECT.text(language, **values),
        "text": _LETTER.text(language, **values),
    }
    await outbox.enqueue(connection, payment.operator, "email", body, dedup=f"receipt:{payment.id}")
