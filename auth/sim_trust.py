"""The user says that a new SIM is their own, as when it moved into another telephone (E13).

A thief has the SIM, and perhaps a session that it opened; what they have not is a session of before, and the password.
"""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import notices, own_password
from auth.own_password import Proof
from auth.session import Viewer
from auth.sign_in import Caller
from domain.msisdn import mask
from domain.profile import Profile
from domain.refusals import CredentialsRejected, Forbidden, LockedOut, NotFound, RateLimited
from domain.wording import Wording
from models import audit
from models.audit import About
from models.database import tx
from models.rights import rights_changed

_TRUSTED = Wording("The new SIM card of {number} was confirmed as yours.")

_LINE = """
select l.id, l.msisdn, l.sim_changed_at,
  exists (
    select from session s where s.id = $3 and (s.created_at < l.sim_changed_at or exists (
      select from session o where o.family = s.family and o.user_id = s.user_id and o.created_at < l.sim_changed_at)))
    as was_there,
  exists (
    select from audit_event e where e.user_id = $2 and e.action = 'PASSWORD_CHANGED' and e.at > l.sim_changed_at)
    as new_password
from line l where l.id = $1 and l.user_id = $2 for no key update of l
"""
_TRUST = "update line set sim_changed_at = null where id = $1"


@dataclass(frozen=True, slots=True)
class SimTrusted:
    """A new SIM holds nothing up any more; also where none did."""


async def trust(
    profile: Profile, viewer: Viewer, line_id: int, password: str, caller: Caller
) -> SimTrusted | NotFound | Forbidden | CredentialsRejected | LockedOut | RateLimited:
    """End the cool-down of the viewer's own line. Links that rest stay so until its user agrees again."""
    proof = await own_password.prove(profile, viewer, password, caller)
    if not isinstance(proof, Proof):
        return proof

    async def work(connection: BaseDBAsyncClient) -> SimTrusted | NotFound | Forbidden | CredentialsRejected:
        if not await own_password.still_holds(connection, viewer, proof):
            return CredentialsRejected(message="The password was changed meanwhile", field=("password",))
        found = await connection.execute_query_dict(_LINE, [line_id, viewer.user_id, viewer.session_id])
        if not found:
            return NotFound("There is no such line of yours", ("lineId",))
        [line] = found
        if line["sim_changed_at"] is None:
            return SimTrusted()
        if not line["was_there"] or line["new_password"]:
            return Forbidden("Do it on a device that was signed in before the SIM changed, or wait", ("lineId",))
        await connection.execute_query(_TRUST, [line_id])
        await audit.record(connection, viewer, "SIM_TRUSTED", About(line_id=line_id), number=line["msisdn"][-4:])
        await notices.by_email(connection, profile, viewer.user_id, _TRUSTED, number=mask(line["msisdn"]))
        await rights_changed(connection, lines=[line_id])
        return SimTrusted()

    return await tx(work)
