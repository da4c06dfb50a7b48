"""Who is told that the tariff of a line changed: who uses it, and who did it, by SMS in their language."""

from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.money import Money
from domain.msisdn import mask
from domain.profile import Profile
from domain.wording import Wording, language_of
from models import outbox
from models.user import number_of

_CHANGED = Wording("{operator}: the tariff of {line} is now {name}. Charged: {amount}.")
_AWAITED = Wording("{operator}: the tariff of {line} will be {name} from {date}. Charged: {amount}.")
_BEGAN = Wording("{operator}: the tariff of {line} is now {name}, as it was asked for.")
_CANCELLED = Wording("{operator}: {line} stays with the tariff {name}. Given back: {amount}.")
_REVERTED = Wording("{operator}: {line} has the tariff {name} again.")

# The number itself hears of it where it has no cabinet.
_PEOPLE = f"""
select coalesce(l.msisdn, l.service_point) as address, u.language,
  coalesce({number_of("u.id")}, case when u.id = l.user_id then l.msisdn end) as msisdn
from line l join app_user u on u.id in (l.user_id, $2) where l.id = $1 order by u.id
"""


async def changed(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str, charged: Money, *, by: int
) -> None:
    """Tell of a change that was made at once."""
    await _tell(connection, profile, line_id, by, _CHANGED, name=name, amount=str(charged))


async def awaited(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str, at: datetime, charged: Money, *, by: int
) -> None:
    """Tell of a change that waits for the next period."""
    values = {"name": name, "date": f"{at.astimezone(profile.operator.zone):%d.%m.%Y}", "amount": str(charged)}
    await _tell(connection, profile, line_id, by, _AWAITED, **values)


async def began(connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str, *, by: int | None) -> None:
    """Tell of a change that waited and has begun."""
    await _tell(connection, profile, line_id, by, _BEGAN, name=name)


async def cancelled(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str, given_back: Money, *, by: int
) -> None:
    """Tell of a change that waited and was cancelled."""
    await _tell(connection, profile, line_id, by, _CANCELLED, name=name, amount=str(given_back))


async def reverted(connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str, *, by: int) -> None:
    """Tell of a change that was taken back."""
    await _tell(connection, profile, line_id, by, _REVERTED, name=name)


async def _tell(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, by: int | None, said: Wording, **values: str
) -> None:
    for person in await connection.execute_query_dict(_PEOPLE, [line_id, by]):
        if person["msisdn"] is None:
            continue
        language = language_of(profile, person["language"])
        text = said.text(language, operator=profile.operator.name, line=mask(person["address"]), **values)
        await outbox.enqueue(connection, profile.operator.id, "sms", {"to": person["msisdn"], "text": text})
