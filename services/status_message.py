"""The words that callers read while a line rings (F128): paid for by the service of status messages, day by day."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import Scope
from domain.money import Money
from domain.profile import Profile
from domain.refusals import FeatureDisabled, InputRejected
from domain.ringback import read_status
from models import audit
from models.audit import Actor, TheUser
from models.database import tx
from services import line_change, ringback_subscription, serviced_line
from services.approval import Agreed, Question, Stopped
from services.payment_entry import digest
from services.ringback import Refused, RingbackChanged, off, stopped
from services.serviced_line import Serviced

ACTION = "SET_STATUS_MESSAGE"
_FEATURE = "services.status_message"
_NOT_SOLD = FeatureDisabled(_FEATURE, "Status messages are not sold at the moment")
_MOBILE_ONLY = InputRejected("Only a mobile number has a status message", ("lineId",))

_SET = """
insert into status_message (line_id, text, set_at) values ($1, $2, now())
on conflict (line_id) do update set text = excluded.text, set_at = now() where status_message.text <> excluded.text
returning id
"""
_TAKE_AWAY = "delete from status_message where line_id = $1 returning id"


async def set_message(profile: Profile, viewer: Viewer, line_id: int, message: str | None) -> RingbackChanged | Refused:
    """Show callers these words from now on; nothing, or none, switches the service off.

    The same words again are nothing new, and other words cost nothing more.
    """
    if refused := off(profile, _FEATURE):
        return refused
    text = read_status(message)
    if isinstance(text, InputRejected):
        return text

    async def work(connection: BaseDBAsyncClient) -> RingbackChanged | Refused:
        if text is None:
            line = await serviced_line.to_take_off(connection, profile, viewer, line_id)
        else:
            line = await serviced_line.to_put_on(connection, profile, viewer, line_id)
        if not isinstance(line, Serviced):
            return line
        await line_change.alone(connection, line.line_id)
        if text is None:
            return await _take_away(connection, profile, viewer, line)
        return await _set(connection, profile, viewer, line, text)

    return await tx(work)


async def do_set(connection: BaseDBAsyncClient, profile: Profile, agreed: Agreed) -> Stopped | None:
    """Show the words that the owner agreed to, in the owner's transaction."""
    await line_change.alone(connection, agreed.line_id)
    line = await serviced_line.of_child(connection, profile, agreed.line_id, agreed.child_id)
    if not isinstance(line, Serviced):
        return stopped(line)
    child = TheUser(profile.operator.id, agreed.child_id)
    outcome = await _set(connection, profile, child, line, agreed.subject["text"], price=agreed.price)
    return None if isinstance(outcome, RingbackChanged) else stopped(outcome)


async def _set(
    connection: BaseDBAsyncClient,
    profile: Profile,
    actor: Actor,
    line: Serviced,
    text: str,
    price: Money | None = None,
) -> RingbackChanged | Refused:
    sold = await ringback_subscription.status_service(connection, profile)
    if sold is None:
        return _NOT_SOLD
    if line.of.kind is not sold.kind:
        return _MOBILE_ONLY
    question = Question(
        line_id=line.line_id,
        scope=Scope.SERVICES,
        action=ACTION,
        title=f"{sold.title}: {Money(sold.fee, profile.operator.currency)} / {sold.fee_period} – {text}",
        subject={"text": text},
        subject_key=digest(ACTION, text),
        price=None,
    )
    if refused := await ringback_subscription.bought(connection, profile, actor, line, sold, question, price):
        return refused
    if await connection.execute_query_dict(_SET, [line.line_id, text]):
        await audit.record(connection, actor, "STATUS_MESSAGE_SET", line.about)
    return RingbackChanged(line.line_id)


async def _take_away(
    connection: BaseDBAsyncClient, profile: Profile, actor: Actor, line: Serviced
) -> RingbackChanged | Refused:
    sold = await ringback_subscription.status_service(connection, profile)
    if await connection.execute_query_dict(_TAKE_AWAY, [line.line_id]):
        await audit.record(connection, actor, "STATUS_MESSAGE_REMOVED", line.about)
    if sold is not None:
        await ringback_subscription.end(connection, profile, actor, line, sold.id)
    return RingbackChanged(line.line_id)
