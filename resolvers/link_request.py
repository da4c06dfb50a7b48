"""Asking for links and answering who asks (F039–F042, F161)."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from domain.access import LinkKind, Scope
from domain.challenge import ChallengeChannel
from domain.link_request import LinkDirection
from domain.link_request_refusals import AccountAsked
from domain.refusals import ChannelUnavailable
from loaders import link_requests
from loaders.link_requests import LinkRequest
from loaders.number_links import NumberLink
from loaders.visible import Line
from models.reader import Statement
from resolvers import confined, node_id
from resolvers.context import Context
from resolvers.live import follow
from resolvers.page import Page, page, position, size
from resolvers.sign_in import challenge_key
from services import link_answer, link_password, link_request, sim_guard
from services.link_making import LinkMade
from services.link_request import AlreadyLinked, LinkRequested, OwnNumber, Wanted

_BY_SIM = (ChallengeChannel.SMS, ChallengeChannel.VOICE_CALL)

_ASKED_LINES = Statement(
    "select line_id from link_request where challenge_id = $1 and requester_id = $2 and line_id is not null", int
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of asking: a request, or what there was already."""

    request: LinkRequest | None = None
    link: NumberLink | None = None
    line: Line | None = None


async def requests(
    context: Context, direction: LinkDirection, first: int | None, after: str | None
) -> Page[LinkRequest]:
    """Requests to the viewer or of theirs, the newest first."""
    context.require_viewer()
    limit, scope = size(first), context.loaders.scope
    place = position(after, int)
    found = await link_requests.page_of(scope, direction, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await link_requests.count_of(scope, direction)

    return page(found, limit, place, lambda request: [request.id], count, has_more=len(found) > limit)


async def by_id(context: Context, request_id: int) -> LinkRequest | None:
    """A request of the viewer's or to them."""
    return None if context.viewer is None else await link_requests.link_request(context.loaders.scope, request_id)


async def ask(
    context: Context,
    msisdn: str,
    scopes: frozenset[Scope],
    kind: LinkKind,
    household: str | None,
    channel: ChallengeChannel | None,
    *,
    move: bool,
) -> Asked | object:
    """Ask a number's holder; the answer is the same for every number."""
    viewer, profile = context.require_viewer(), context.profile
    if refused := confined.from_keys(viewer):
        return refused
    way = channel or ChallengeChannel.SMS
    offered = {ChallengeChannel.SMS, *profile.auth.otp.fallback_channels}
    if way not in _BY_SIM or way not in context.channels & offered:
        return ChannelUnavailable()
    household_id = None if household is None else _key(household, "Household")
    wanted = Wanted(msisdn, scopes, kind, household_id, way, moves=move)
    outcome = await context.change(link_request.request(profile, context.secret, viewer, wanted))
    if isinstance(outcome, LinkRequested):
        return Asked(request=await by_id(context, outcome.request_id))
    if isinstance(outcome, AlreadyLinked):
        return Asked(link=await context.loaders.number_link_by_id.load(outcome.link_id))
    if isinstance(outcome, OwnNumber):
        line_id = outcome.line_id
        return Asked(line=None if line_id is None else await context.loaders.line_by_id.load(line_id))
    return outcome


async def confirm(context: Context, challenge_id: str, code: str) -> NumberLink | object:
    """Link the number by the code that it got."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    key = challenge_key(challenge_id)
    lines = await context.reads.fetch(_ASKED_LINES, key, viewer.user_id)
    # Whether the SIM that the code went to is still the same, and the one that asks, the registry knows best (E13).
    await context.change(sim_guard.refresh(context.sims, context.profile, user_id=viewer.user_id, lines=lines))
    made = link_answer.confirm(context.profile, context.secret, viewer, key, code, context.address)
    return await _made(context, await context.change(made))


async def approve(context: Context, request: str, scopes: frozenset[Scope], *, move: bool) -> NumberLink | object:
    """Say yes to who asks."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    key = _key(request, "LinkRequest")
    await context.change(sim_guard.refresh(context.sims, context.profile, user_id=viewer.user_id))
    return await _made(
        context, await context.change(link_answer.approve(context.profile, viewer, key, scopes, move=move))
    )


async def decline(context: Context, request: str, *, report_abuse: bool) -> object | None:
    """Say no to who asks: no right is given, so any session of the user's may."""
    viewer = context.require_viewer()
    if refused := confined.from_fresh_proof(viewer):
        return refused
    key = _key(request, "LinkRequest")
    return await context.change(link_answer.decline(context.profile, viewer, key, report_abuse=report_abuse))


async def set_privacy(context: Context, line: str, *, allow_requests: bool) -> object | None:
    """Let others ask for one's number, or not."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    key = _key(line, "Line")
    return await context.change(link_answer.set_privacy(viewer, key, allow_requests=allow_requests))


async def with_password(
    context: Context, login: str, password: str, scopes: frozenset[Scope], kind: LinkKind
) -> NumberLink | object:
    """Link a number by the password of its cabinet."""
    return await _by_password(context, link_password.Wanted(login, password, scopes, kind))


async def account(context: Context, number: str, password: str | None, scopes: frozenset[Scope]) -> NumberLink | object:
    """Link an account without a SIM: by the installer's password, or by a code to the telephone of its contract."""
    if password is not None:
        return await _by_password(context, link_password.Wanted(number, password, scopes, is_account=True))
    viewer, profile = context.require_viewer(), context.profile
    if refused := confined.from_keys(viewer):
        return refused
    wanted = Wanted(number, scopes, LinkKind.PRIMARY, None, is_account=True)
    outcome = await context.change(link_request.request(profile, context.secret, viewer, wanted))
    if isinstance(outcome, LinkRequested):
        return AccountAsked(outcome.request_id)
    if isinstance(outcome, AlreadyLinked):
        return await context.loaders.number_link_by_id.load(outcome.link_id)
    return link_request.OWN_ACCOUNT if isinstance(outcome, OwnNumber) else outcome


def link_request_updated(context: Context, request: str | None) -> AsyncGenerator[LinkRequest, None]:
    """A request, or those of the last hour on both sides: each at once, and when it is answered or has ended."""
    wanted = None if request is None else _key(request, "LinkRequest")

    async def watched(context: Context) -> Mapping[int, str]:
        keys = await link_requests.recent(context.loaders.scope) if wanted is None else [wanted]
        return {key: f"link_request:{key}" for key in keys}

    return follow(context, watched, by_id)


async def _by_password(context: Context, wanted: link_password.Wanted) -> NumberLink | object:
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    made = link_password.link(context.profile, context.secret, viewer, wanted, context.address)
    return await _made(context, await context.change(made))


async def _made(context: Context, outcome: object) -> NumberLink | object:
    if not isinstance(outcome, LinkMade):
        return outcome
    return await context.loaders.number_link_by_id.load(outcome.link_id)


def _key(global_id: str, type_name: str) -> int:
    """The key of a global id; 0, which nothing has, for one that is no such thing."""
    named = node_id.decode(global_id)
    key = node_id.integer_key(named) if named is not None and named.type_name == type_name else None
    return key or 0
