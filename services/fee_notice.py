"""What the user of a line is told: by SMS, in their language; and of it what is about fees."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.fees import Sold
from domain.money import Money
from domain.profile import Profile
from domain.wording import Wording, language_of
from models import outbox
from models.user import number_of

_SUSPENDED = Wording(
    "{operator}: the account does not hold the fee of {amount} for {name}. {line} is suspended until it is topped up."
)
_PAUSED = Wording(
    "{operator}: the account does not hold the fee of {amount} for {name} on {line}. It is paused until a top-up."
)
_BEYOND = Wording("{operator}: {name} is paused on {line}: a limit of the line stands against its fee of {amount}.")
_WORKS_AGAIN = Wording("{operator}: the fee of {amount} for {name} is paid. It works again on {line}.")

# A line without a number is spoken of to whoever holds its contract.
_USER = f"""
select coalesce(l.msisdn, l.service_point) as line, u.language,
  coalesce(l.msisdn, {number_of("u.id")}) as msisdn
from line l join personal_account a on a.id = l.account_id join contract k on k.id = a.contract_id
left join lateral (
  select o.id, o.language from app_user o
  where case when l.user_id is null then l.msisdn is null and o.person_id = k.holder_id else o.id = l.user_id end
  order by o.id limit 1) u on true
where l.id = $1
"""


async def unpaid(
    connection: BaseDBAsyncClient, profile: Profile, sold: Sold, line_id: int, name: str, fee: Money, key: str
) -> None:
    """Say that something stopped, in the transaction that stopped it; `key` names the fee."""
    wording = _SUSPENDED if sold is Sold.TARIFF else _PAUSED
    await tell(connection, profile, line_id, wording, f"{key}:unpaid", amount=str(fee), name=name)


async def beyond_limit(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str, fee: Money, key: str
) -> None:
    """Say that something stopped because of a limit, in the transaction that stopped it."""
    await tell(connection, profile, line_id, _BEYOND, f"{key}:unpaid", amount=str(fee), name=name)


async def works_again(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str, fee: Money, key: str
) -> None:
    """Say that something works again, in the transaction that paid for it."""
    await tell(connection, profile, line_id, _WORKS_AGAIN, f"{key}:paid", amount=str(fee), name=name)


async def tell(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, wording: Wording, dedup: str | None, **values: str
) -> None:
    """Write to who uses a line, in the transaction of what it tells. Beside `values` a text may name the `operator`
    and the `line`; texts with the same `dedup` are one.
    """
    [user] = await connection.execute_query_dict(_USER, [line_id])
    if user["msisdn"] is None:
        return
    language = language_of(profile, user["language"])
    text = wording.text(language, operator=profile.operator.name, line=user["line"], **values)
    await outbox.enqueue(connection, profile.operator.id, "sms", {"to": user["msisdn"], "text": text}, dedup=dedup)
