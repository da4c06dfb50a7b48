"""Asking a number's holder for a link (F040, F161): the answer is the same for every number (I11)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import link_code
from auth.challenge import Challenge
from auth.link_code import Target
from auth.session import Viewer
from domain.access import NOBODY, HouseholdRole, LinkKind, Scope, sees_links
from domain.challenge import ChallengeChannel
from domain.consent import asking_text
from domain.features import feature
from domain.household import is_of_age
from domain.household_refusals import MinorNotAllowed, OwnerAbsent
from domain.link_request import MOST_REQUESTS_A_DAY, of_another_country, read_scopes
from domain.link_request_refusals import (
    LinkChannelNotAllowed,
    NumberLimitReached,
    NumberNotOfOperator,
    ScopesNotLinkable,
)
from domain.msisdn import mask, normalize
from domain.number_link_refusals import ConsentRequired
from domain.profile import Profile
from domain.profile_access import StepUpAction
from domain.refusals import FeatureDisabled, Forbidden, InputRejected, NotFound, RateLimited, StepUpRequired
from domain.wording import language_of
from models import audit, counter
from models.audit import About
from models.database import tx
from models.notify import notify

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for: `target` as it was typed, `household_id` None for their own, `moves` as in E1."""

    target: str
    scopes: frozenset[Scope]
    kind: LinkKind
    household_id: int | None
    channel: ChallengeChannel = ChallengeChannel.SMS
    moves: bool = False
    is_account: bool = False


@dataclass(frozen=True, slots=True)
class LinkRequested:
    """The holder was asked, if there is one to ask."""

    request_id: int


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """The number is the viewer's: it is in the cabinet already (E4)."""

    line_id: int | None
    account_id: int


@dataclass(frozen=True, slots=True)
class AlreadyLinked:
    """The household has such a link already (E3)."""

    link_id: int


Outcome = LinkRequested | OwnNumber | AlreadyLinked
Refused = (
    InputRejected
    | ScopesNotLinkable
    | NumberNotOfOperator
    | NumberLimitReached
    | LinkChannelNotAllowed
    | ConsentRequired
    | FeatureDisabled
    | Forbidden
    | NotFound
    | MinorNotAllowed
    | RateLimited
    | StepUpRequired
    | OwnerAbsent
)

OWN_ACCOUNT = InputRejected("This account is in your cabinet already", ("accountNumber",))

# One request of a user after the other, so that a double click is one, and so is the first household (E21).
_REQUESTER = """
select p.birth_date,
  (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1) as msisdn
from app_user u join person p on p.id = u.person_id where u.id = $1 for no key update of u
"""
# The one named, else the owned one, else the one joined first (DESIGN 4).
_HOUSEHOLD = """
select m.household_id, m.role, h.owner_absent_since is not null as owner_absent
from membership m join household h on h.id = m.household_id
where m.user_id = $1 and m.status = 'ACTIVE' and h.dissolved_at is null and h.operator = $3
  and ($2::bigint is null or m.household_id = $2)
order by m.role <> 'OWNER', m.joined_at, m.id limit 1
"""
_LINKED = """
select id, kind, scopes from number_link
where household_id = $1 and (line_id = $2 or ($2::bigint is null and account_id = $3)) and status = 'ACTIVE'
order by kind, id limit 1
"""
# One that the household has already may be agreed to anew.
_OTHERS = """
select count(*) as links from number_link
where household_id = $1 and status in ('ACTIVE', 'SUSPENDED')
  and (line_id, account_id) is distinct from ($2::bigint, case when $2::bigint is null then $3::bigint end)
"""
_OPEN = """
select id from link_request
where operator = $1 and requester_id = $2 and initiator = $3 and target = $4 and scopes = $5 and kind = $6
  and moves = $7 and is_account = $8 and household_id is not distinct from $9
  and status in ('PENDING', 'REVOKED') and expires_at > now()
order by id desc limit 1
"""
# A proof of the same day, by whoever asks now: without one nobody is told that there is anything to move from (E2).
_PROVEN = """
select exists (
  select from link_request where operator = $1 and requester_id = $2 and target = $3
    and proven_at > now() - interval '1 day') as proven
"""
_MAKE = """
insert into link_request
  (operator, requester_id, household_id, initiator, target, is_account, line_id, account_id, kind, moves, scopes, text,
   sim_epoch, contract_epoch, status, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', $12, $13, 'PENDING', now(), now()) returning id
"""
_READ = "update link_request set text = $2 where id = $1"
_TAKE_BACK = "delete from link_request where id = $1 and challenge_id is null"
_LANGUAGE = "select language from app_user where id = $1"


async def request(profile: Profile, secret: bytes, viewer: Viewer, wanted: Wanted) -> Outcome | Refused:
    """Ask the holder of a number, or of an account without one, to link it to the viewer's household.

    What is refused depends on who asks, and on what they know already: their own number, their household's.
    """
    if refused := refuses(profile, viewer, "linking.personal_account" if wanted.is_account else "linking.sms_code"):
        return refused
    scopes = read_scopes(profile, wanted.scopes, wanted.kind)
    if not isinstance(scopes, tuple):
        return scopes
    target = read_target(profile, wanted)
    if not isinstance(target, str):
        return target

    async def ask(connection: BaseDBAsyncClient) -> Outcome | Refused:
        [requester] = await connection.execute_query_dict(_REQUESTER, [viewer.user_id])
        household_id = await household_of(connection, profile, viewer.user_id, wanted.household_id)
        if isinstance(household_id, NotFound | Forbidden | OwnerAbsent):
            return household_id
        if household_id is None and (refused := cannot_found(profile, requester["msisdn"], requester["birth_date"])):
            return refused
        found = await link_code.find(connection, profile, target, is_account=wanted.is_account)
        if found is not None and found.is_of(viewer.user_id):
            return OwnNumber(found.line_id, found.account_id)
        if (known := await _already(connection, household_id, found, wanted, scopes)) is not None:
            return known
        line_id, account_id = (found.line_id, found.account_id) if found else (None, None)
        if crowded := await full(connection, profile, household_id, line_id, account_id):
            return crowded
        if wanted.moves and not await _is_proven(connection, viewer, target):
            return ConsentRequired("Ask for the number itself first: its user has to agree", ("move",))
        return await _ask(connection, profile, secret, viewer, wanted, household_id, target, scopes, found)

    return await tx(ask)


def refuses(
    profile: Profile, viewer: Viewer, *features: str
) -> FeatureDisabled | LinkChannelNotAllowed | StepUpRequired | None:
    """Why this session may not begin a link here and now, whatever it is a link to."""
    for key in ("linking", "household", *features):
        flag = feature(profile, key)
        if not flag.enabled:
            return FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")
    if viewer.channel not in profile.linking.channels:
        return LinkChannelNotAllowed(profile.linking.channels)
    if StepUpAction.LINK in profile.access.step_up_for and not viewer.stepped_up:
        return StepUpRequired()
    return None


def read_target(profile: Profile, wanted: Wanted) -> str | InputRejected | NumberNotOfOperator:
    """The number as it is stored; of one that is not this operator's its form tells so, or nothing does (E5)."""
    if wanted.is_account:
        number = wanted.target.strip()
        if number and len(number) <= 64 and number.isascii() and number.isprintable():
            return number
        return InputRejected("Give the number of the personal account", ("accountNumber",))
    if (msisdn := normalize(wanted.target, profile)) is not None:
        return msisdn
    code, length = profile.operator.msisdn_country_code, profile.operator.msisdn_national_length
    accepted = f"Numbers of {profile.operator.name} are +{code} and {length} digits"
    if of_another_country(wanted.target, profile):
        return NumberNotOfOperator(accepted)
    return InputRejected(accepted, ("msisdn",))


def cannot_found(profile: Profile, msisdn: str | None, born: date | None) -> Forbidden | MinorNotAllowed | None:
    """Why the household that begins with a link cannot be somebody's: without a proven number, or a minor's (I2)."""
    if msisdn is None:
        return Forbidden("Whoever owns a household has a number of their own")
    if not is_of_age(born, profile, link_code.today(profile)):
        return MinorNotAllowed("Only grown-ups own a household")
    return None


async def household_of(
    connection: BaseDBAsyncClient, profile: Profile, user_id: int, household_id: int | None
) -> int | NotFound | Forbidden | OwnerAbsent | None:
    """The household that a user asks for; None: they are in none, and get one of their own with the first link.

    Without an owner who could decide nobody gets new rights (E28).
    """
    rows = await connection.execute_query_dict(_HOUSEHOLD, [user_id, household_id, profile.operator.id])
    if not rows:
        return None if household_id is None else NotFound("There is no such household of yours", ("householdId",))
    [row] = rows
    if not sees_links(HouseholdRole(row["role"])):
        return Forbidden("The owner and the adults of a household link numbers to it")
    if row["owner_absent"]:
        return OwnerAbsent()
    found: int = row["household_id"]
    return found


async def _already(
    connection: BaseDBAsyncClient,
    household_id: int | None,
    found: Target | None,
    wanted: Wanted,
    scopes: tuple[Scope, ...],
) -> AlreadyLinked | None:
    """The household's own link, if it gives all that is asked for; strangers' links are not looked at (E2, E3)."""
    told = [household_id, found.line_id if found else None, found.account_id if found else None]
    rows = await connection.execute_query_dict(_LINKED, told)
    if not rows or found is None:
        return None
    enough = set(scopes) <= set(rows[0]["scopes"]) and wanted.kind in (LinkKind.SECONDARY, rows[0]["kind"])
    return AlreadyLinked(rows[0]["id"]) if enough else None


async def full(
    connection: BaseDBAsyncClient,
    profile: Profile,
    household_id: int | None,
    line_id: int | None,
    account_id: int | None,
) -> NumberLimitReached | None:
    """Whether the household has as many numbers as it may, without this one (E6)."""
    [row] = await connection.execute_query_dict(_OTHERS, [household_id, line_id, account_id])
    return NumberLimitReached(profile.linking.max_numbers) if row["links"] >= profile.linking.max_numbers else None


async def _is_proven(connection: BaseDBAsyncClient, viewer: Viewer, target: str) -> bool:
    [row] = await connection.execute_query_dict(_PROVEN, [viewer.operator, viewer.user_id, target])
    return bool(row["proven"])


async def _ask(
    connection: BaseDBAsyncClient,
    profile: Profile,
    secret: bytes,
    viewer: Viewer,
    wanted: Wanted,
    household_id: int | None,
    target: str,
    scopes: tuple[Scope, ...],
    found: Target | None,
) -> LinkRequested | RateLimited:
    form: list[Any] = [wanted.kind, wanted.moves, wanted.is_account, household_id]
    told = [viewer.operator, viewer.user_id, viewer.initiator, target, list(scopes), *form]
    same = await connection.execute_query_dict(_OPEN, told)
    if same:
        request_id: int = same[0]["id"]
    else:
        asked_for, until = await counter.count(connection, f"link_request:{viewer.user_id}", _DAY, MOST_REQUESTS_A_DAY)
        if asked_for > MOST_REQUESTS_A_DAY:
            return RateLimited(until, "You asked about enough numbers today; try again tomorrow")
        # Whoever is not to be asked does not find the question in their cabinet either.
        asked = found if await link_code.is_asked(connection, profile, viewer.user_id, found) else None
        request_id = await _make(connection, viewer, wanted, household_id, target, scopes, asked)
    question = await link_code.question(connection, request_id)
    assert question is not None
    sent = await link_code.send(connection, profile, secret, question, wanted.channel)
    if not isinstance(sent, Challenge):
        await connection.execute_query(_TAKE_BACK, [request_id])
        return sent
    if same:
        return LinkRequested(request_id)
    answers_id = found.answers_id if found and found.answers_id else NOBODY
    speaks = await connection.execute_query_dict(_LANGUAGE, [answers_id])
    language = language_of(profile, speaks[0]["language"] if speaks else None)
    text = asking_text(profile, language, link_code.question_of(question, found))
    await connection.execute_query(_READ, [request_id, text])
    about = About(line_id=found.line_id if found else None, household_id=household_id)
    await audit.record(connection, viewer, "LINK_REQUESTED", about, number=mask(target), scopes=" ".join(scopes))
    await notify(connection, f"rights:{answers_id}")
    return LinkRequested(request_id)


async def _make(
    connection: BaseDBAsyncClient,
    viewer: Viewer,
    wanted: Wanted,
    household_id: int | None,
    target: str,
    scopes: tuple[Scope, ...],
    asked: Target | None,
) -> int:
    line_id = asked.line_id if asked else None
    account_id = asked.account_id if asked and line_id is None else None
    told = [viewer.operator, viewer.user_id, household_id, viewer.initiator, target, wanted.is_account, line_id]
    epochs = [asked.sim_epoch, asked.contract_epoch] if asked else [None, None]
    form = [account_id, wanted.kind, wanted.moves, list(scopes), *epochs]
    [row] = await connection.execute_query_dict(_MAKE, [*told, *form])
    request_id: int = row["id"]
    return request_id
