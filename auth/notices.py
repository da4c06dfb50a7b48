"""Short messages about a cabinet's safety, to the number of its user, in the user's language."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.profile import Profile
from domain.wording import Wording, language_of
from models import outbox
from models.user import number_of

_ALERT = Wording("{operator}: {event} If this was not you, change your password.")

_FAREWELL = Wording("{operator}: {event} If this was not you, tell us at once.")

_ELSEWHERE = Wording("{operator}: {event}")

_ADDRESSES = "select value from contact where user_id = $1 and kind = 'EMAIL' and verified_at is not null order by id"
_USER = f"""
select (select language from app_user where id = $1) as language, {number_of("$1")} as msisdn
"""


async def security(
    connection: BaseDBAsyncClient, profile: Profile, user_id: int, event: Wording, **values: str
) -> None:
    """Tell the user, by SMS, in the caller's transaction; where there is no number, a message to nobody is written.

    `event` is a sentence, and `values` is what it names.
    """
    [user] = await connection.execute_query_dict(_USER, [user_id])
    language = language_of(profile, user["language"])
    told = _ALERT.text(language, operator=profile.operator.name, event=event.text(language, **values))
    body = {"to": user["msisdn"] or "", "text": told}
    await outbox.enqueue(connection, profile.operator.id, "sms" if user["msisdn"] else "void", body)


async def farewell(connection: BaseDBAsyncClient, profile: Profile, user_id: int, event: Wording) -> None:
    """Tell the user everywhere, while it is still known where: by SMS and at every proven address."""
    [user] = await connection.execute_query_dict(_USER, [user_id])
    language = language_of(profile, user["language"])
    told = _FAREWELL.text(language, operator=profile.operator.name, event=event.text(language))
    if user["msisdn"]:
        await outbox.enqueue(connection, profile.operator.id, "sms", {"to": user["msisdn"], "text": told})
    await _mail(connection, profile, user_id, told)


async def by_email(
    connection: BaseDBAsyncClient, profile: Profile, user_id: int, event: Wording, **values: str
) -> None:
    """Tell the user at every proven address, where an SMS may be read by somebody else."""
    [user] = await connection.execute_query_dict(_USER, [user_id])
    language = language_of(profile, user["language"])
    told = _ELSEWHERE.text(language, operator=profile.operator.name, event=event.text(language, **values))
    await _mail(connection, profile, user_id, told)


async def _mail(connection: BaseDBAsyncClient, profile: Profile, user_id: int, text: str) -> None:
    for row in await connection.execute_query_dict(_ADDRESSES, [user_id]):
        mail = {"to": row["value"], "subject": profile.operator.name, "text": text}
        await outbox.enqueue(connection, profile.operator.id, "email", mail)
