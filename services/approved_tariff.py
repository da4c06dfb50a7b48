"""A change of tariff that a child asks for, and its owner agrees to (F053, F106, I14)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import Scope
from domain.money import Money
from domain.profile import Profile
from domain.refusals import Forbidden, RateLimited
from domain.tariff import Named
from domain.usage_limit_refusals import ApprovalRequired, ApprovedPriceChanged, LimitExceeded
from models.audit import TheUser
from services import approval, line_change, tariff_making, tariff_offer, tariff_row
from services.approval import Agreed, Asked, Question
from services.line_change import Named as NamedChange
from services.payment_entry import digest
from services.tariff_making import By
from services.tariff_offer import Offer
from services.tariff_row import LineHeld

ACTION = "CHANGE_TARIFF"


async def ask(
    connection: BaseDBAsyncClient, profile: Profile, made: Offer
) -> ApprovalRequired | RateLimited | tariff_making.Stopped:
    """Ask the owner for a change, in the child's transaction; nothing that could not be made now is asked for."""
    child = made.line.child
    assert child is not None, "a child asks"
    if refused := await tariff_making.stopped(connection, profile, made, approved=True):
        return refused
    subject = {"what": made.what, "monthly": made.quote.monthly.minor}
    question = Question(
        line_id=made.line.id,
        scope=Scope.TARIFF,
        action=ACTION,
        title=f"{made.plan.name} ({made.quote.monthly} / 30)",
        subject=subject,
        subject_key=digest(ACTION, made.what, made.quote.monthly.minor),
        price=made.quote.due_now if made.quote.due_now.minor else None,
        quote=made.quote,
        what=made.what,
    )
    asked = await approval.ask(connection, profile, child, question)
    return ApprovalRequired(asked.approval_id) if isinstance(asked, Asked) else asked


async def change(connection: BaseDBAsyncClient, profile: Profile, agreed: Agreed) -> approval.Stopped | None:
    """Make the change that the owner agreed to, in the owner's transaction, at exactly the price that was asked."""
    named = Named.read(agreed.subject["what"])
    assert named is not None, "it was asked for here"
    # The change of another hand on the same line is over before this begins.
    done = NamedChange(agreed.child_id, agreed.line_id, f"approval:{agreed.approval_id}", digest(str(named)))
    before = await line_change.before(connection, done)
    assert before is None, "a question is answered once"
    line = await tariff_row.hold_for(connection, profile, agreed.line_id, agreed.child_id)
    if not isinstance(line, LineHeld):
        return Forbidden(line.message, ("approvalId",))
    made = await tariff_offer.offer(
        connection, profile, line, named.tariff_id, named.chosen, profile.operator.languages[0]
    )
    if not isinstance(made, Offer):
        return Forbidden(made.message, ("approvalId",))
    due, price = made.quote.due_now, agreed.price or Money(0, profile.operator.currency)
    if str(named) != made.what or due != price or made.quote.monthly.minor != agreed.subject["monthly"]:
        return ApprovedPriceChanged()
    by = By(TheUser(profile.operator.id, agreed.child_id), line, approved=True)
    event = await tariff_making.make(connection, profile, made, by, f"approval:{agreed.approval_id}")
    if isinstance(event, LimitExceeded):
        return event
    if event is not None and not isinstance(event, int):
        return Forbidden(event.message, ("approvalId",))
    await line_change.done(connection, done, event)
    return None


ACTIONS = {ACTION: change}
"""What an owner can agree to here, by the name that questions have."""
