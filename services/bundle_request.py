"""Asking for a bundle (F110): people of the operator make it up, and nothing is charged before they do."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.profile import Profile
from domain.refusals import Forbidden, InputRejected, NotFound
from domain.ticket import TicketCategory, TicketSubject
from models.database import tx
from services import ticket
from services.ticket import Request, TicketOpened

Refused = InputRejected | NotFound | Forbidden

NO_BUNDLE = NotFound("There is no such bundle", ("bundleId",))
_ASK_OWNER = Forbidden("Ask the owner of the household: they order for it", ("bundleId",))

_BUNDLE = "select id, name from bundle where id = $1 and operator = $2 and not archived"
_IS_CHILD = "select from membership where user_id = $1 and role = 'CHILD' and status = 'ACTIVE'"
_OPEN = """
select id from ticket
where user_id = $1 and subject = 'BUNDLE' and details->>'bundle' = $2 and status not in ('RESOLVED', 'CLOSED')
"""


async def ask(profile: Profile, viewer: Viewer, bundle_id: int, comment: str | None) -> TicketOpened | Refused:
    """Ask for a bundle; while that request is open, asking again is answered with it."""
    words = ticket.read_comment(comment)
    if isinstance(words, InputRejected):
        return words

    async def work(connection: BaseDBAsyncClient) -> TicketOpened | Refused:
        rows = await connection.execute_query_dict(_BUNDLE, [bundle_id, profile.operator.id])
        if not rows:
            return NO_BUNDLE
        if await connection.execute_query_dict(_IS_CHILD, [viewer.user_id]):
            return _ASK_OWNER
        details = {"bundle": str(bundle_id), "name": rows[0]["name"]}
        request = Request(TicketCategory.INFORMATION, TicketSubject.BUNDLE, details, words)
        opened = await ticket.open_ticket(connection, profile, viewer, request)
        if opened is None:
            [same] = await connection.execute_query_dict(_OPEN, [viewer.user_id, str(bundle_id)])
            opened = same["id"]
        return TicketOpened(opened)

    return await tx(work)
