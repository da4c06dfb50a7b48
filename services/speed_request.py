"""Asking for a higher speed of a fixed line (F133): people answer, and nothing is charged before they do."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.features import feature
from domain.line import ServiceKind
from domain.profile import Profile
from domain.refusals import FeatureDisabled, Forbidden, InputRejected
from domain.ticket import TicketCategory, TicketSubject
from domain.ticket_refusals import RequestOpen
from domain.ticket_words import FASTEST_MBPS
from models.database import tx
from models.internet import SPEEDS
from services import line_change, serviced_line, ticket
from services.serviced_line import Serviced
from services.ticket import Request, TicketOpened

Refused = FeatureDisabled | InputRejected | RequestOpen | serviced_line.Refused

_FIXED_ONLY = InputRejected("Only a line of home internet has a speed to be raised", ("lineId",))
_ASK_OWNER = Forbidden("Ask the owner of the household: they order for the line", ("lineId",))

_OPEN = """
select id, user_id, (details->>'mbps')::int as mbps from ticket
where line_id = $1 and subject = 'SPEED_INCREASE' and status not in ('RESOLVED', 'CLOSED')
"""


async def ask(profile: Profile, viewer: Viewer, line_id: int, mbps: int, comment: str | None) -> TicketOpened | Refused:
    """Ask for a speed; while one's own request for it is open, that is the answer."""
    flag = feature(profile, "internet.speed_increase_request")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "")
    words = ticket.read_comment(comment)
    if isinstance(words, InputRejected):
        return words

    async def work(connection: BaseDBAsyncClient) -> TicketOpened | Refused:
        line = await serviced_line.to_put_on(connection, profile, viewer, line_id)
        if not isinstance(line, Serviced):
            return line
        if line.of.kind is not ServiceKind.INTERNET:
            return _FIXED_ONLY
        if line.asks is not None:
            return _ASK_OWNER
        await line_change.alone(connection, line_id)
        for row in await connection.execute_query_dict(_OPEN, [line_id]):
            is_same = (row["user_id"], row["mbps"]) == (viewer.user_id, mbps)
            return TicketOpened(row["id"]) if is_same else RequestOpen()
        now = [row["mbps"] for row in await connection.execute_query_dict(SPEEDS, [[line_id]])]
        if not (now[0] or 0 if now else 0) < mbps <= FASTEST_MBPS:
            return InputRejected(f"Ask for a speed above the present one, up to {FASTEST_MBPS} Mbit/s", ("mbps",))
        request = Request(TicketCategory.TECHNICAL, TicketSubject.SPEED_INCREASE, {"mbps": mbps}, words, line_id)
        opened = await ticket.open_ticket(connection, profile, viewer, request)
        return RequestOpen() if opened is None else TicketOpened(opened)

    return await tx(work)
