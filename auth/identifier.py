"""Who is meant by what somebody typed (F003, F004): a number, an address, an account, a contract or a login."""

from typing import NamedTuple

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.msisdn import normalize
from domain.profile import Profile
from domain.sign_in import LoginIdentifier
from models.user import number_of

LONGEST = 254


class Identified(NamedTuple):
    """A user who may be meant; whether it is that user is still to be proven."""

    user_id: int
    msisdn: str | None
    language: str


# A login of its own, or the number of an account or a contract, which stands for its holder.
_FIND = f"""
with wanted as (select * from unnest($2::text[], $3::text[]) with ordinality as w (kind, value, place))
select f.user_id,
  {number_of("f.user_id")} as msisdn,
  (select language from app_user where id = f.user_id) as language
from (
  select l.user_id, w.place from wanted w
  join login l on l.operator = $1 and l.kind = w.kind and l.value = w.value
  union all
  select u.id, w.place from wanted w
  join personal_account a on w.kind = 'ACCOUNT_NUMBER' and a.operator = $1 and a.number = w.value
  join contract c on c.id = a.contract_id join app_user u on u.person_id = c.holder_id
  union all
  select u.id, w.place from wanted w
  join contract c on w.kind = 'CONTRACT_NUMBER' and c.operator = $1 and c.number = w.value
  join app_user u on u.person_id = c.holder_id
) f
order by f.place limit 1
"""


def readings(text: str, profile: Profile) -> list[tuple[LoginIdentifier, str]]:
    """What `text` may mean in this cabinet, likeliest first; nothing for what no identifier looks like."""
    trimmed = text.strip()
    if not trimmed or len(trimmed) > LONGEST or "\0" in trimmed:
        return []
    found: list[tuple[LoginIdentifier, str]] = []
    for kind in profile.auth.identifiers:
        if kind is LoginIdentifier.MSISDN:
            if msisdn := normalize(trimmed, profile):
                found.insert(0, (kind, msisdn))
        elif kind is LoginIdentifier.EMAIL:
            if "@" in trimmed:
                found.append((kind, trimmed.lower()))
        elif kind in (LoginIdentifier.NETWORK_LOGIN, LoginIdentifier.CUSTOM_LOGIN):
            found.append((kind, trimmed.lower()))
        else:
            found.append((kind, trimmed))
    return found


def canonical(text: str, profile: Profile) -> str:
    """One spelling for all that mean the same, which counters are kept under."""
    meant = next((value for _, value in readings(text, profile)), text.strip())
    return meant.replace("\0", "").lower()[:LONGEST]


# An address that was proven today does not prove anything yet: whoever finds an open screen may have bound it.
_ADDRESS = """
select value from contact
where user_id = $1 and kind = 'EMAIL' and verified_at < now() - make_interval(hours => $2)
order by verified_at desc limit 1
"""


async def proven_address(connection: BaseDBAsyncClient, user_id: int | None, *, hours: int = 0) -> str | None:
    """The e-mail address that the user proved last, at least `hours` ago; the same question is asked of nobody."""
    rows = await connection.execute_query_dict(_ADDRESS, [user_id or 0, hours])
    return rows[0]["value"] if rows else None


async def find(connection: BaseDBAsyncClient, profile: Profile, text: str) -> Identified | None:
    """The user that `text` names, if there is one."""
    meant = readings(text, profile)
    if not meant:
        return None
    rows = await connection.execute_query_dict(
        _FIND, [profile.operator.id, [kind for kind, _ in meant], [value for _, value in meant]]
    )
    return Identified(**rows[0]) if rows else None
