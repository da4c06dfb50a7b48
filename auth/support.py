"""An employee of the operator acts for a user (E60): for half an hour, under a name, and the user reads it all."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import identifier, notices
from auth.session import new_token, token_hash
from domain.profile import Profile
from domain.staff import Staff
from domain.wording import Wording
from models import audit
from models.audit import TheUser
from models.database import tx

LIFETIME_MINUTES = 30

_ENTERED = Wording("Our employee {name} entered your account, ticket {ticket}.")

# Not a sign-in of the user's: it neither counts as one nor comes through the door that closes with a contract, since
# people ask for help with exactly that.
_OPEN = """
insert into session
  (user_id, operator, token_hash, access_level, channel, created_at, last_seen_at, expires_at,
   staff, staff_reason, staff_ticket)
values ($1, $2, $3, 'FULL', 'SUPPORT', now(), now(), now() + make_interval(mins => $4), $5, $6, $7)
"""


async def act_for(profile: Profile, login: str, staff: Staff) -> str | None:
    """A token to act for whom `login` names, told this once; None when it names nobody."""
    token = new_token()

    async def begin(connection: BaseDBAsyncClient) -> bool:
        known = await identifier.find(connection, profile, login)
        if known is None:
            return False
        operator = profile.operator.id
        session = [known.user_id, operator, token_hash(token), LIFETIME_MINUTES, staff.name, staff.reason, staff.ticket]
        await connection.execute_query(_OPEN, session)
        await audit.record(connection, TheUser(operator, known.user_id, staff), "SUPPORT_SESSION_OPENED")
        named = {"name": staff.name, "ticket": staff.ticket}
        await notices.security(connection, profile, known.user_id, _ENTERED, **named)
        return True

    return token if await tx(begin) else None
