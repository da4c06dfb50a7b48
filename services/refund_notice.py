"""Who is told of a refund (E43): who paid, and whose account it leaves. Money never goes back in silence."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.money import Money
from domain.profile import Profile
from domain.wording import Wording, language_of
from models import outbox
from models.user import number_of
from services.payment_row import PaymentRow

_GIVEN_BACK = Wording("{operator}: {amount} of your payment {number} were given back.")
_TAKEN_BACK = Wording("{operator}: {amount} of a payment left your account: it went back to who had paid it.")
_DECLINED = Wording("{operator}: payment {number} is not given back. {answer}")
_FAILED = Wording("{operator}: the bank could not give back {amount} of payment {number}. Please ask us how to get it.")

_PAYER = f"select language, {number_of('app_user.id')} as msisdn from app_user where id = $1"
# Everybody whose number the account pays for; whoever has no number reads it in the history.
_HOLDERS = """
select distinct l.msisdn, u.language from line l left join app_user u on u.id = l.user_id
where l.account_id = $1 and l.msisdn is not null and l.user_id is distinct from $2
  and l.status not in ('TERMINATED', 'PORTED_OUT')
"""


async def given_back(connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow, amount: Money) -> None:
    """Tell both that the money went back."""
    await _payer(connection, profile, payment, _GIVEN_BACK, amount=str(amount))
    for row in await connection.execute_query_dict(_HOLDERS, [payment.account_id, payment.payer_id]):
        language = language_of(profile, row["language"])
        text = _TAKEN_BACK.text(language, operator=profile.operator.name, amount=str(amount))
        await outbox.enqueue(connection, profile.operator.id, "sms", {"to": row["msisdn"], "text": text})


async def declined(connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow, answer: str) -> None:
    """Tell who asked that the operator does not give the money back, and why."""
    await _payer(connection, profile, payment, _DECLINED, answer=answer)


async def failed(connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow, amount: Money) -> None:
    """Tell who asked that the bank does not give the money back."""
    await _payer(connection, profile, payment, _FAILED, amount=str(amount))


async def _payer(
    connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow, said: Wording, **values: str
) -> None:
    [payer] = await connection.execute_query_dict(_PAYER, [payment.payer_id])
    if payer["msisdn"]:
        language = language_of(profile, payer["language"])
        text = said.text(language, operator=profile.operator.name, number=payment.id, **values)
        await outbox.enqueue(connection, profile.operator.id, "sms", {"to": payer["msisdn"], "text": text})
