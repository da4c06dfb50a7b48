"""A cabinet for a line that nobody has one of yet (F010): whoever proves to hold the SIM becomes its user.

The SIM proves who uses the number, and not whose contract it is: the new cabinet belongs to a person of its own. The
contract stays with its holder, who is told.
"""

from uuid import uuid4

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import notices
from domain.msisdn import mask
from domain.profile import Profile
from domain.sign_in import LoginMethod
from domain.wording import Wording
from models import audit

_OPENED = Wording("An account was opened for the number {number} of your contract.")

# A number that still is somebody's login is theirs to lose first.
_FREE = """
select l.id from line l
where l.operator = $1 and l.msisdn = $2 and l.user_id is null and l.status not in ('PORTED_OUT', 'TERMINATED')
  and not exists (select from login g where g.operator = $1 and g.kind = 'MSISDN' and g.value = $2)
"""
# Of two that give the right code at once, the one that locks the line first opens the cabinet.
_TAKE = """
select l.msisdn, h.id as holder_id from line l
join personal_account a on a.id = l.account_id join contract c on c.id = a.contract_id
left join app_user h on h.person_id = c.holder_id
where l.id = $1 and l.user_id is null and l.status not in ('PORTED_OUT', 'TERMINATED')
for update of l
"""
_PERSON = "insert into person (operator, ref, name) values ($1, $2, $3) returning id"
_USER = """
insert into app_user
  (operator, person_id, display_name, language, password_hash, must_change_password, created_at)
values ($1, $2, $3, $4, $5, false, now()) returning id
"""
_LOGIN = """
insert into login (operator, user_id, kind, value) values ($1, $2, 'MSISDN', $3)
on conflict (operator, kind, value) do nothing returning id
"""
_CONTACT = "insert into contact (operator, user_id, kind, value) values ($1, $2, 'EMAIL', $3)"
_USE = "update line set user_id = $2 where id = $1"


async def free_line(connection: BaseDBAsyncClient, profile: Profile, msisdn: str) -> int | None:
    """The line of a number that a code by SMS opens a cabinet for, where the operator registers so."""
    rows = await connection.execute_query_dict(_FREE, [profile.operator.id, msisdn])
    return rows[0]["id"] if rows and registers_by_sms(profile) else None


def registers_by_sms(profile: Profile) -> bool:
    """Whether a code by SMS is enough to open a cabinet."""
    return profile.auth.self_registration and LoginMethod.SMS_CODE in profile.auth.registration_methods


async def open_for_line(
    connection: BaseDBAsyncClient,
    profile: Profile,
    line_id: int,
    *,
    password_hash: str | None = None,
    email: str | None = None,
) -> int | None:
    """Make the cabinet, in the caller's transaction; gives its user, or None when the line has one by now.

    An `email` is written down as an address that is yet to be proven.
    """
    operator = profile.operator.id
    found = await connection.execute_query_dict(_TAKE, [line_id])
    if not found:
        return None
    msisdn, holder_id = found[0]["msisdn"], found[0]["holder_id"]
    name = mask(msisdn)
    user_id = await make_user(connection, profile, name, password_hash)
    # A number that became a login meanwhile undoes it all.
    if not await connection.execute_query_dict(_LOGIN, [operator, user_id, msisdn]):
        raise LoginLost
    if email is not None:
        await connection.execute_query(_CONTACT, [operator, user_id, email])
    await connection.execute_query(_USE, [line_id, user_id])
    await audit.record(connection, audit.TheUser(operator, user_id), "REGISTERED", method=LoginMethod.SMS_CODE)
    if holder_id is not None:
        await notices.security(connection, profile, holder_id, _OPENED, number=name)
    return user_id


class LoginLost(Exception):
    """Somebody else got the same login at the same moment."""


async def make_user(connection: BaseDBAsyncClient, profile: Profile, name: str, password_hash: str | None) -> int:
    """A person with a cabinet, who speaks the operator's first language until they say otherwise."""
    operator = profile.operator.id
    [person] = await connection.execute_query_dict(_PERSON, [operator, f"registration:{uuid4()}", name])
    language = profile.operator.languages[0]
    [user] = await connection.execute_query_dict(_USER, [operator, person["id"], name, language, password_hash])
    user_id: int = user["id"]
    return user_id
