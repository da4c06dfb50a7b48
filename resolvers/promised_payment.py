"""Promised payments: what is offered for a line, and taking it (F081)."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.access import Scope
from domain.promised_payment import PromisedOffer, PromisedPaymentUnavailable, offers, unavailable
from domain.refusals import ErrorCode, Forbidden, NotFound
from loaders.promised_payment_by_account_id import Promised
from loaders.visible import Line
from resolvers import node_id
from resolvers.context import Context
from services import promised_payment
from services.promised_payment import PromiseTaken, PromiseWanted

Refused = promised_payment.Refused | NotFound | Forbidden


@dataclass(frozen=True, slots=True)
class State:
    """Whether there is a promised payment to be had, why not, and the one that is owed."""

    reason: ErrorCode | None
    offers: Sequence[PromisedOffer]
    active: Promised | None


async def state(context: Context, line: Line) -> State | None:
    """How it stands with a line; None where the viewer may not look at its money."""
    if not line.allows(Scope.VIEW):
        return None
    facts = await context.loaders.promised_payment_by_account_id.load(line.account_id)
    profile = context.loaders.scope.profile_of(line.operator)
    if facts is None or profile is None:
        return None
    if not line.takes_promises:
        return State(ErrorCode.FORBIDDEN, (), facts.active)
    refused = unavailable(profile, has_ended=facts.has_ended, is_owed=facts.active is not None, charged=facts.charged)
    if refused is not None:
        return State(refused.code, (), facts.active)
    return State(None, offers(profile, facts.charged), None)


async def take(context: Context, key: str, line_id: str, offer_id: str) -> Line | Refused:
    """Take an offer; answers the line as it is afterwards."""
    viewer = context.require_viewer()
    line = await _line(context, line_id)
    if line is None:
        return NotFound("There is no such line", ("lineId",))
    if not line.takes_promises:
        return Forbidden("Only who uses the number takes a promised payment, and who looks after a child", ("lineId",))
    if line.operator != context.profile.operator.id:
        return PromisedPaymentUnavailable("This number is another operator's")
    wanted = PromiseWanted(key, line.id, line.account_id, offer_id)
    outcome = await context.change(promised_payment.take(context.profile, viewer, wanted))
    if not isinstance(outcome, PromiseTaken):
        return outcome
    after = await context.loaders.line_by_id.load(line.id)
    return line if after is None else after


async def _line(context: Context, global_id: str) -> Line | None:
    named = node_id.decode(global_id)
    key = node_id.integer_key(named) if named is not None and named.type_name == "Line" else None
    return None if key is None else await context.loaders.line_by_id.load(key)
