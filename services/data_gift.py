"""Giving gigabytes to another number (F118): out of the packages of tariff and services, as a gift with an end.

What is locked: the changes of the giver's line, so that nobody gives more in a month than may be, then its packages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import HouseholdRole, Scope, Standing, needs_approval, scopes
from domain.catalogue import Allowance
from domain.data_gift import (
    GIGABYTE,
    GiftLimitExceeded,
    GiftNotTaken,
    check_left,
    check_size,
    gives,
    left_of_month,
    month_of,
)
from domain.features import feature
from domain.line import LineStatus, ServiceKind
from domain.line_block_refusals import LineBlocked
from domain.msisdn import mask
from domain.package import NOTHING, Package, spend, usable
from domain.payment_rules import check_key
from domain.profile import Profile
from domain.quote_refusals import QuoteRejected
from domain.refusals import FeatureDisabled, Forbidden, IdempotencyConflict, InputRejected, NotFound, RateLimited
from domain.sim import CooldownActive, cooldown
from domain.usage import PackageSource, UsageUnit
from domain.usage_limit_refusals import ApprovalRequired
from domain.wording import Wording, language_of
from models import audit, outbox
from models.audit import About, Actor, TheUser
from models.child_policy import child_of
from models.database import tx
from models.pool import remains_changed
from models.standing import standing_to
from services import approval, line_change, package_fill, payment_entry, payment_search
from services.approval import Agreed, Asked, Question, Stopped
from services.line_change import Named, Repeated

ACTION = "SHARE_DATA"

_GIFT = Wording("Gift")
_GAVE = Wording("{operator}: {amount} GB went from {giver} to {receiver}. This month {left} GB more can be given.")
_GOT = Wording("{operator}: {giver} has given you {amount} GB. They are yours until {day}.")

_NO_LINE = NotFound("There is no such line", ("fromLineId",))
_NO_NUMBER = NotFound("This operator has no such number", ("toMsisdn",))
_NOT_YOURS = Forbidden("The gigabytes of this line are not yours to give", ("fromLineId",))

_LINE = """
select l.id, l.account_id, l.kind, l.status, l.sim_changed_at, l.user_id, l.msisdn, u.language, now() as now
from line l left join app_user u on u.id = l.user_id where l.id = $1 and l.operator = $2
"""
# What was given to this number is not to be given on, and what was left over neither.
_PACKAGES = """
select id, source, remaining as left, resets_at, expires_at from package_counter
where line_id = $1 and unit = 'BYTE' and source in ('TARIFF', 'SERVICE') and not unlimited and scope is null
  and (expires_at is null or expires_at > now())
order by id for no key update
"""
_TAKE = """
update package_counter p set remaining = p.remaining - t.volume, as_of = now()
from unnest($1::bigint[], $2::numeric[]) as t (id, volume) where p.id = t.id
"""
_GIVEN = "select coalesce(sum(bytes), 0)::bigint as given from data_gift where source_id = $1 and at >= $2"
_GIVE = """
insert into data_gift (source_id, target_id, bytes, given_by_id, at, expires_at) values ($1, $2, $3, $4, now(), $5)
returning id
"""


@dataclass(frozen=True, slots=True)
class GiftWanted:
    """What somebody asks for: `number` is the receiver's, as it is stored."""

    key: str
    line_id: int
    number: str
    gigabytes: int

    @property
    def digest(self) -> str:
        """What a repetition has to have in common with the first."""
        return payment_entry.digest(ACTION, self.line_id, self.number, self.gigabytes)


@dataclass(frozen=True, slots=True)
class DataShared:
    """The gigabytes are the receiver's."""

    line_id: int


Refused = (
    FeatureDisabled
    | InputRejected
    | NotFound
    | Forbidden
    | RateLimited
    | CooldownActive
    | LineBlocked
    | GiftNotTaken
    | GiftLimitExceeded
    | IdempotencyConflict
    | QuoteRejected
)


@dataclass(frozen=True, slots=True)
class _Gift:
    """A gift between two lines, and who makes it in which place."""

    line: Mapping[str, Any]
    target: Mapping[str, Any]
    bytes: int
    role: HouseholdRole | None


async def share(profile: Profile, viewer: Viewer, wanted: GiftWanted) -> DataShared | ApprovalRequired | Refused:
    """Give whole gigabytes of a line to a number of the operator, once for each key; a child's owner is asked first.

    Who types many numbers that are nobody's is searching, as one who pays is (`services/payment_search.py`).
    """
    flag = feature(profile, "services.data_sharing")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "")
    if refused := check_key(wanted.key) or check_size(profile, wanted.gigabytes):
        return refused
    found = await payment_search.by_number(viewer.user_id, profile.operator.id, wanted.number)
    if isinstance(found, RateLimited):
        return found
    target_id = next((each.line_id for each in found if each.line_id is not None), None)
    named = Named(viewer.user_id, wanted.line_id, wanted.key, wanted.digest)

    async def work(connection: BaseDBAsyncClient) -> DataShared | ApprovalRequired | Refused:
        before = await line_change.before(connection, named)
        if isinstance(before, Repeated):
            return DataShared(wanted.line_id)
        if before is not None:
            return before
        line = await _line(connection, profile, wanted.line_id)
        if line is None:
            return _NO_LINE
        standing = await standing_to(
            connection, profile.operator.id, viewer.user_id, account_id=line["account_id"], line_id=wanted.line_id
        )
        if not_theirs := _not_theirs(profile, viewer, standing, line["now"]):
            return not_theirs
        target = await _line(connection, profile, target_id)
        if target is None:
            return _NO_NUMBER
        role = next((grant.role for grant in standing.grants), None)
        gift = _Gift(line, target, wanted.gigabytes * GIGABYTE, role)
        if impossible := await _impossible(connection, profile, gift):
            return impossible
        if needs_approval(standing, Scope.TRANSFER):
            return await _ask(connection, profile, gift)
        await line_change.done(connection, named, await _give(connection, profile, viewer, viewer.user_id, gift))
        return DataShared(wanted.line_id)

    return await tx(work)


async def agreed(connection: BaseDBAsyncClient, profile: Profile, question: Agreed) -> Stopped | None:
    """Give what the owner agreed to, in the owner's transaction."""
    named = Named(question.child_id, question.line_id, f"approval:{question.approval_id}", ACTION)
    if await line_change.before(connection, named) is not None:
        return None
    line = await _line(connection, profile, question.line_id)
    target = await _line(connection, profile, question.subject["target_id"])
    assert line is not None, "lines are never deleted"
    assert target is not None, "lines are never deleted"
    gift = _Gift(line, target, question.subject["bytes"], HouseholdRole.CHILD)
    if (refused := await _impossible(connection, profile, gift)) is not None:
        # It was possible when the child asked; the owner is told why it is not now.
        return Forbidden(refused.message, ("approvalId",))
    giver = TheUser(profile.operator.id, question.child_id)
    await line_change.done(connection, named, await _give(connection, profile, giver, question.child_id, gift))
    return None


def _not_theirs(profile: Profile, viewer: Viewer, standing: Standing, now: datetime) -> NotFound | Forbidden | None:
    today = now.astimezone(profile.operator.zone).date()
    rights = scopes(standing, viewer.access_level, profile, today)
    if not rights:
        return _NO_LINE
    return None if Scope.TRANSFER in rights else _NOT_YOURS


async def _impossible(
    connection: BaseDBAsyncClient, profile: Profile, gift: _Gift
) -> InputRejected | LineBlocked | CooldownActive | GiftNotTaken | GiftLimitExceeded | None:
    """What stands against a gift now, whoever makes it; the packages stay locked."""
    line, target = gift.line, gift.target
    if line["id"] == target["id"]:
        return InputRejected("The gigabytes are on this number already", ("toMsisdn",))
    if refused := gives(ServiceKind(line["kind"]), LineStatus(line["status"])):
        return refused
    if too_new := cooldown(profile, line["sim_changed_at"], datetime.now(UTC)):
        return too_new
    if gives(ServiceKind(target["kind"]), LineStatus(target["status"])) is not None:
        return GiftNotTaken()
    held = sum((each.left for each in await _packages(connection, line["id"])), NOTHING)
    return check_left(profile, gift.bytes, await _given(connection, profile, line), held)


async def _ask(connection: BaseDBAsyncClient, profile: Profile, gift: _Gift) -> ApprovalRequired | RateLimited:
    """Let the owner of the household decide."""
    child = await child_of(connection, gift.line["id"])
    assert child is not None, "who needs approval is a child of a household"
    subject = {"target_id": gift.target["id"], "bytes": gift.bytes}
    question = Question(
        line_id=gift.line["id"],
        scope=Scope.TRANSFER,
        action=ACTION,
        title=f"{gift.bytes // GIGABYTE} GB → {mask(gift.target['msisdn'])}",
        subject=subject,
        subject_key=payment_entry.digest(ACTION, *subject.values()),
        price=None,
    )
    asked = await approval.ask(connection, profile, child, question)
    return ApprovalRequired(asked.approval_id) if isinstance(asked, Asked) else asked


async def _give(connection: BaseDBAsyncClient, profile: Profile, actor: Actor, giver_id: int, gift: _Gift) -> int:
    """Move the gigabytes, and tell everybody; gives the id of the gift."""
    line, target, zone = gift.line, gift.target, profile.operator.zone
    packages = await _packages(connection, line["id"])
    taken = spend(usable(packages, None), NOTHING + gift.bytes).taken
    await connection.execute_query(_TAKE, [list(taken), list(taken.values())])
    expires_at = line["now"] + timedelta(days=profile.services.data_sharing_ttl_days)
    told = [line["id"], target["id"], gift.bytes, giver_id, expires_at]
    [made] = await connection.execute_query_dict(_GIVE, told)
    name = _GIFT.text(language_of(profile, None))
    code, kind = f"gift:{made['id']}", ServiceKind(target["kind"])
    [package] = package_fill.full(code, name, kind, [Allowance(UsageUnit.BYTE, NOTHING + gift.bytes)])
    await package_fill.put(connection, target["id"], PackageSource.GIFT, code, [package | {"expires_at": expires_at}])
    await remains_changed(connection, [line["id"]])
    gigabytes = gift.bytes // GIGABYTE
    about = About(line_id=line["id"], subject_id=line["user_id"], role=gift.role)
    await audit.record(connection, actor, "DATA_SHARED", about, gigabytes=gigabytes, to=mask(target["msisdn"]))
    left = left_of_month(profile, await _given(connection, profile, line)) // GIGABYTE
    words = {"amount": gigabytes, "giver": mask(line["msisdn"]), "receiver": mask(target["msisdn"]), "left": left}
    await _tell(connection, profile, line, _GAVE, words)
    day = f"{expires_at.astimezone(zone):%d.%m.%Y}"
    await _tell(connection, profile, target, _GOT, words | {"day": day})
    return int(made["id"])


async def _tell(
    connection: BaseDBAsyncClient, profile: Profile, line: Mapping[str, Any], wording: Wording, words: Mapping[str, Any]
) -> None:
    text = wording.text(language_of(profile, line["language"]), operator=profile.operator.name, **words)
    await outbox.enqueue(connection, profile.operator.id, "sms", {"to": line["msisdn"], "text": text})


async def _line(connection: BaseDBAsyncClient, profile: Profile, line_id: int | None) -> Mapping[str, Any] | None:
    rows = await connection.execute_query_dict(_LINE, [line_id or 0, profile.operator.id])
    return rows[0] if rows else None


async def _packages(connection: BaseDBAsyncClient, line_id: int) -> list[Package]:
    rows = await connection.execute_query_dict(_PACKAGES, [line_id])
    return [Package(**row | {"source": PackageSource(row["source"])}) for row in rows]


async def _given(connection: BaseDBAsyncClient, profile: Profile, line: Mapping[str, Any]) -> int:
    since = month_of(line["now"], profile.operator.zone)
    [row] = await connection.execute_query_dict(_GIVEN, [line["id"], since])
    return int(row["given"])


ACTIONS = {ACTION: agreed}
"""What an owner can agree to here, by the name that questions have."""
