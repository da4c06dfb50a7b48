"""The end of a link: rights are gone at commit, in every open session and subscription (SPEC 4.5, N1, I8)."""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import NOBODY, AccessLevel, ends_link, sees_links
from domain.profile import Profile
from domain.refusals import Forbidden, NotFound
from models import audit
from models.audit import About, Actor, TheUser
from models.database import tx
from models.entitlement import stop_unentitled
from models.notify import notify
from models.rights import rights_changed
from services import link_notice, link_row
from services.link_row import LinkRow

_END = """
update number_link set status = 'REVOKED', primary_slot = null, account_slot = null, suspended_reason = null,
  ended_at = now()
where id = $1
"""
_MEMBERS = "select user_id from membership where household_id = $1 and status = 'ACTIVE'"


@dataclass(frozen=True, slots=True)
class LinkRevoked:
    """The link gives nothing any more; also when it had ended before."""

    link_id: int


async def revoke(
    profile: Profile, actor: Actor, level: AccessLevel, link_id: int | None, *, silent: bool
) -> LinkRevoked | NotFound | Forbidden:
    """End a link for whoever uses the number, in any session, and for those of the household who may (4.4).

    A link that has ended is revoked already. With `silent` no message goes to the number, on whose telephone others
    may read it, and the household is told no more than that the line is not linked (E34).
    """

    async def end_it(connection: BaseDBAsyncClient) -> LinkRevoked | NotFound | Forbidden:
        link = None if link_id is None else await link_row.hold(connection, link_id, actor.user_id)
        if link is None or not (link.is_mine or sees_links(link.role)):
            return NotFound("There is no such link", ("linkId",))
        asked_for_it = link.requester_id == actor.user_id
        may = ends_link(link.role, uses_number=link.is_mine, asked_for_it=asked_for_it)
        if not may or (not link.is_mine and level is not AccessLevel.FULL):
            return Forbidden(
                "Only who uses the number, the owner or who had asked for the link may end it", ("linkId",)
            )
        if link.counts_or_rests:
            await end(connection, profile, link, actor, silent=silent and link.is_mine)
        return LinkRevoked(link.id)

    return await tx(end_it)


async def end(
    connection: BaseDBAsyncClient,
    profile: Profile,
    link: LinkRow,
    actor: Actor,
    *,
    silent: bool = False,
    because: str | None = None,
) -> None:
    """End a link that is held, in the caller's transaction: automatic payments first, then rights (E31)."""
    members = [row["user_id"] for row in await connection.execute_query_dict(_MEMBERS, [link.household_id])]
    await connection.execute_query(_END, [link.id])
    await stop_unentitled(
        connection, profile, members, account_id=link.paid_by, line_id=link.line_id, because="LINK_REVOKED"
    )
    # Whoever leaves in silence is in the household's log by nothing but the line.
    about = About(line_id=link.line_id, household_id=link.household_id, role=link.role)
    await audit.record(
        connection, actor, "LINK_REVOKED", about, number=link.target[-4:], silent=int(silent) or None, because=because
    )
    await rights_changed(
        connection,
        households=[link.household_id],
        lines=[link.line_id] if link.line_id else [],
        accounts=[link.paid_by],
    )
    await link_notice.ended(connection, profile, link, by=actor.user_id, silent=silent)


# Links to a number, and questions about one; what rests may come back, so it ends too.
_LINKS_TO = """
select id from number_link where line_id = $1 and status in ('ACTIVE', 'SUSPENDED') order by id
"""
_REFUSE = """
update link_request set status = 'REVOKED', resolved_at = now()
where line_id = $1 and status = 'PENDING' and expires_at > now()
returning id
"""
_LINE = "select l.id, l.user_id from line l where l.operator = $1 and l.msisdn = $2 for update"


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a reply of STOP did: questions that were refused, or else links that were ended."""

    refused: int = 0
    ended: int = 0


async def stop(profile: Profile, msisdn: str) -> Stopped:
    """Do what a reply of `linking.revoke_sms_keyword` asks for: refuse whoever waits for a code from this number.

    Where nobody waits, end all its links: the reply is to the message that told of them.
    """

    async def work(connection: BaseDBAsyncClient) -> Stopped:
        lines = await connection.execute_query_dict(_LINE, [profile.operator.id, msisdn])
        if not lines:
            return Stopped()
        [line] = lines
        refused = await connection.execute_query_dict(_REFUSE, [line["id"]])
        if refused:
            # Who asked is not told: to them it is a request that nobody answers, as when it is declined (I11).
            await notify(connection, *([f"rights:{line['user_id']}"] if line["user_id"] else []))
            return Stopped(refused=len(refused))
        ids = [row["id"] for row in await connection.execute_query_dict(_LINKS_TO, [line["id"]])]
        for link_id in ids:
            link = await link_row.hold(connection, link_id, line["user_id"] or NOBODY)
            if link is not None and link.counts_or_rests:
                await end(connection, profile, link, _replier(profile, link), because="STOP")
        return Stopped(ended=len(ids))

    return await tx(work)


def _replier(profile: Profile, link: LinkRow) -> Actor:
    """In whose cabinet a reply is told: the number's user's; where nobody has one, the household owner's."""
    return TheUser(profile.operator.id, link.number_user_id or link.owner_id)
