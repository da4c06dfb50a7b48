"""Who is told that a line is blocked, or works again: who uses it, and who blocked it."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.msisdn import mask
from domain.profile import Profile
from domain.wording import Wording, language_of
from models import outbox
from models.user import number_of
from services.line_row import LineHeld

_BLOCKED = Wording("{operator}: {line} is blocked. Money on it stays.")
_UNBLOCKED = Wording("{operator}: {line} works again.")

_ADDRESS = "select coalesce(msisdn, service_point) as address from line where id = $1"
# The number itself hears of it where it has no cabinet.
_PEOPLE = f"""
select u.id, u.language, coalesce(
  {number_of("u.id")},
  case when u.id = $1 then $3::text end) as msisdn,
  array(select k.value from contact k where k.user_id = u.id and k.kind = 'EMAIL' and k.verified_at is not null
    order by k.id) as addresses
from app_user u where u.id in ($1, $2) order by u.id
"""


async def blocked(connection: BaseDBAsyncClient, profile: Profile, line: LineHeld, *, by: int) -> None:
    """Tell the line's user and whoever blocked it, in the transaction that did."""
    await _tell(connection, profile, line, _BLOCKED, by)


async def unblocked(connection: BaseDBAsyncClient, profile: Profile, line: LineHeld) -> None:
    """Tell the line's user and whoever had blocked it, in the transaction that ended the block."""
    await _tell(connection, profile, line, _UNBLOCKED, line.blocked_by_id)


async def _tell(
    connection: BaseDBAsyncClient, profile: Profile, line: LineHeld, said: Wording, manager_id: int | None
) -> None:
    operator = profile.operator
    [named] = await connection.execute_query_dict(_ADDRESS, [line.id])
    people = await connection.execute_query_dict(_PEOPLE, [line.user_id, manager_id, line.msisdn])
    for person in people:
        text = said.text(language_of(profile, person["language"]), operator=operator.name, line=mask(named["address"]))
        if person["msisdn"] is not None:
            await outbox.enqueue(connection, operator.id, "sms", {"to": person["msisdn"], "text": text})
        # The SMS of a telephone that is gone is read by whoever has it.
        for address in person["addresses"]:
            mail = {"to": address, "subject": operator.name, "text": text}
            await outbox.enqueue(connection, operator.id, "email", mail)
