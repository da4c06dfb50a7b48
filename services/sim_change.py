"""Another SIM has the number: what the old one agreed to rests, and its codes are void (N3, I7, E13, E14, E30)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import notices
from domain.msisdn import mask
from domain.number_link import SuspensionReason
from domain.profile import Profile
from domain.wording import Wording
from models import audit
from models.audit import About, TheUser
from models.notify import notify
from models.rights import rights_changed
from services import line_row, link_rest, number_codes

_CHANGED = Wording("Number {number} has got another SIM card.")
_BLOCK_IT = Wording("Number {number} has got another SIM card. If it was not you, block the number at once.")

_EPOCH = "update line set sim_epoch = sim_epoch + 1, sim_changed_at = now() where id = $1"
_NOTED = """
insert into sim_check (line_id, known_since, changed_at) values ($1, now(), now())
on conflict (line_id) do update set changed_at = now()
"""
# Whoever was to become the owner proves it by this number (E30); a new owner is asked anew.
_VOID_TRANSFERS = """
update ownership_transfer t set cancelled_at = now() from membership m
where m.id = t.to_member_id and m.user_id = $1 and t.done_at is null and t.cancelled_at is null
returning t.household_id
"""


async def changed(connection: BaseDBAsyncClient, profile: Profile, line_id: int) -> bool:
    """Act on a new SIM, in the caller's transaction; False for a line that has ended, or has no number.

    Sessions stay, and their user is told there and by e-mail: the SMS goes to whoever has the new SIM (E14).
    """
    line = await line_row.hold(connection, line_id)
    if line is None or line.msisdn is None or line.has_ended:
        return False
    await connection.execute_query(_EPOCH, [line.id])
    await connection.execute_query(_NOTED, [line.id])
    await number_codes.void(connection, line.operator, line.msisdn)
    await link_rest.rest(connection, profile, SuspensionReason.SIM_CHANGED, lines=[line.id])
    if line.user_id is not None:
        voided = await connection.execute_query_dict(_VOID_TRANSFERS, [line.user_id])
        user = TheUser(profile.operator.id, line.user_id)
        for row in voided:
            about = About(household_id=row["household_id"])
            await audit.record(connection, user, "OWNERSHIP_TRANSFER_CANCELLED", about, because="SIM_CHANGED")
            await notify(connection, f"household:{row['household_id']}")
        number = mask(line.msisdn)
        await audit.record(connection, user, "SIM_CHANGED", About(line_id=line.id), number=line.msisdn[-4:])
        await notices.security(connection, profile, line.user_id, _CHANGED, number=number)
        await notices.by_email(connection, profile, line.user_id, _BLOCK_IT, number=number)
    await rights_changed(connection, lines=[line.id])
    return True
