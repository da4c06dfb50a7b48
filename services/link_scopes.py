"""What a link lets its household do, made narrower or wider (I6, F161)."""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import link_code
from auth.session import Viewer
from domain.access import AccessLevel, HouseholdRole, Scope, delegable, sees_links
from domain.consent import consent_text
from domain.number_link import ConsentMethod, LinkStatus
from domain.number_link_refusals import ConsentRequired, LinkEnded
from domain.profile import Profile
from domain.profile_access import StepUpAction
from domain.refusals import Forbidden, InputRejected, NotFound, StepUpRequired
from domain.wording import language_of
from models import audit
from models.audit import About
from models.database import tx
from models.entitlement import stop_unentitled
from models.rights import rights_changed
from services import link_notice, link_row
from services.link_row import LinkRow

_SET = "update number_link set scopes = $2 where id = $1"
_CONSENT = """
insert into consent (link_id, method, text, scopes, given_at, given_by_id) values ($1, $2, $3, $4, now(), $5)
"""
_HOUSEHOLD = """
select h.name, (select array_agg(user_id) from membership where household_id = h.id and status = 'ACTIVE') as members
from household h where h.id = $1
"""

Refused = NotFound | Forbidden | InputRejected | StepUpRequired | ConsentRequired | LinkEnded


@dataclass(frozen=True, slots=True)
class ScopesChanged:
    """The link gives what was asked for."""

    link_id: int


async def update(
    profile: Profile, viewer: Viewer, link_id: int | None, scopes: frozenset[Scope]
) -> ScopesChanged | Refused:
    """Set a link's scopes: whoever uses the number sets them as they like, which is a consent of its own; the
    household takes back scopes, and gives them again within what was consented to last.
    """

    async def change(connection: BaseDBAsyncClient) -> ScopesChanged | Refused:
        link = None if link_id is None else await link_row.hold(connection, link_id, viewer.user_id)
        if link is None or not (link.is_mine or sees_links(link.role)):
            return NotFound("There is no such link", ("linkId",))
        if not delegable(scopes, link.kind):
            return InputRejected("A link of this kind cannot have these scopes", ("scopes",))
        if link.status is not LinkStatus.ACTIVE:
            return LinkEnded()
        # A line without a number is nobody's but its holder's.
        found = await link_code.find(connection, profile, link.target, is_account=link.line_id is None)
        answers = link.is_mine and (found is None or found.answers_id == viewer.user_id)
        # Of their own household's links its adults decide as its adults, unless it is they who answer for the number.
        in_place_of_it = link.is_mine and (answers or not sees_links(link.role))
        if in_place_of_it:
            refused = _of_ones_own(profile, viewer, scopes - link.scopes, answers=answers)
        else:
            refused = _of_the_household(viewer, link, scopes)
        if refused is not None:
            return refused
        if scopes != link.scopes:
            await _apply(connection, profile, viewer, link, scopes, by_user=in_place_of_it)
        return ScopesChanged(link.id)

    return await tx(change)


def _of_ones_own(profile: Profile, viewer: Viewer, wider: frozenset[Scope], *, answers: bool) -> Refused | None:
    """To give less is never made difficult; to give more is for who answers for the number, and not for a child."""
    if not wider:
        return None
    if not answers:
        return Forbidden("Who answers for this number lets others do more with it", ("scopes",))
    needs_proof = StepUpAction.SCOPES in profile.access.step_up_for
    return StepUpRequired() if needs_proof and not viewer.stepped_up else _by_session(viewer, wider)


def _of_the_household(viewer: Viewer, link: LinkRow, scopes: frozenset[Scope]) -> Refused | None:
    asked_for_it = link.requester_id == viewer.user_id
    if link.role is not HouseholdRole.OWNER and not asked_for_it:
        return Forbidden("Only the owner, or who had asked for the link, may change it", ("linkId",))
    if viewer.access_level is not AccessLevel.FULL:
        return Forbidden("A session that the network opened may look and pay", ("linkId",))
    return None if scopes <= link.consented else ConsentRequired()


def _by_session(viewer: Viewer, wider: frozenset[Scope]) -> Forbidden | None:
    if wider and not viewer.holds_keys:
        return Forbidden("Sign in by yourself to let others do more", ("scopes",))
    return None


async def _apply(
    connection: BaseDBAsyncClient,
    profile: Profile,
    viewer: Viewer,
    link: LinkRow,
    scopes: frozenset[Scope],
    *,
    by_user: bool,
) -> None:
    in_order = [scope for scope in Scope if scope in scopes]
    await connection.execute_query(_SET, [link.id, in_order])
    [household] = await connection.execute_query_dict(_HOUSEHOLD, [link.household_id])
    if by_user:
        # What the household may widen it to again is what was agreed to last, so this is on record as such (I6).
        language = language_of(profile, viewer.language)
        text = consent_text(profile, language, ConsentMethod.TRUSTED_DEVICE, scopes, household["name"])
        method = ConsentMethod.TRUSTED_DEVICE
        await connection.execute_query(_CONSENT, [link.id, method, text, in_order, viewer.user_id])
    await stop_unentitled(
        connection,
        profile,
        household["members"],
        account_id=link.paid_by,
        line_id=link.line_id,
        because="LINK_NARROWED",
    )
    about = About(line_id=link.line_id, household_id=link.household_id, role=link.role)
    await audit.record(
        connection, viewer, "LINK_SCOPES_CHANGED", about, number=link.target[-4:], scopes=" ".join(in_order)
    )
    await rights_changed(
        connection,
        households=[link.household_id],
        lines=[link.line_id] if link.line_id else [],
        accounts=[link.paid_by],
    )
    await link_notice.changed(connection, profile, link, scopes)
