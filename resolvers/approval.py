"""Questions of children to the owners of their households: listing, answering, following (F053)."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from auth import quote_token
from auth.quote_token import Change
from domain.access import AccessLevel, HouseholdRole, Scope
from domain.money import CurrencyCode, Money
from domain.quote import read_quote
from domain.quote_refusals import Quoted
from domain.refusals import NotFound, Refusal
from loaders.households_by_user_id import Member
from models.approval import ApprovalStatus
from models.reader import Statement
from resolvers import confined, viewer
from resolvers.context import Context
from resolvers.live import follow
from resolvers.page import Page, page, position, size
from resolvers.usage_limit import key
from services import approval, approved_payment, approved_ringback, approved_service, approved_tariff, data_gift
from services.approval import Resolved

Refused = approval.Refused | Refusal

ACTIONS = {
    **approved_payment.ACTIONS,
    **approved_ringback.ACTIONS,
    **approved_service.ACTIONS,
    **approved_tariff.ACTIONS,
    **data_gift.ACTIONS,
}
"""What an owner can agree to, by the name that questions have."""


class Approval(NamedTuple):
    """A question, as whoever asked and whoever answers see it; `minor` is its price, `kept` its quote as JSON."""

    id: int
    household_id: int
    line_id: int
    member_id: int | None
    scope: Scope
    action: str
    title: str
    minor: int | None
    currency: CurrencyCode
    status: ApprovalStatus
    created_at: datetime
    expires_at: datetime
    comment: str | None
    kept: dict[str, Any] | None

    @property
    def price(self) -> Money | None:
        return None if self.minor is None else Money(self.minor, CurrencyCode(self.currency))


def _approval(*columns: Any) -> Approval:
    row = Approval(*columns)
    return row._replace(scope=Scope(row.scope), status=ApprovalStatus(row.status))


# Past its time a question has expired, whether or not somebody has said so yet.
_STATUS = "case when r.status = 'PENDING' and r.expires_at <= now() then 'EXPIRED' else r.status end"
_MINE = f"""
from approval_request r join line l on l.id = r.line_id
left join membership m on m.household_id = r.household_id and m.user_id = r.requested_by_id
where l.operator = $2 and (r.requested_by_id = $1 or r.household_id in (
  select o.household_id from membership o join household h on h.id = o.household_id and h.dissolved_at is null
  where o.user_id = $1 and o.role = 'OWNER' and o.status = 'ACTIVE')) and ($3::text is null or {_STATUS} = $3)
"""
_SELECT = f"""
select r.id, r.household_id, r.line_id, m.id, r.scope, r.action, r.title, r.price, $4::text, {_STATUS}, r.created_at,
  r.expires_at, r.comment, r.quote
{_MINE}
"""
_PAGE = Statement(f"{_SELECT} and ($5::bigint is null or r.id < $5) order by r.id desc limit $6", _approval)
_ONE: Statement[Approval | None] = Statement(f"{_SELECT} and r.id = $5", _approval)
# What is open, and what became of that which was told of before.
_NEWS = Statement(
    f"{_SELECT} and r.household_id = $5 and ({_STATUS} = 'PENDING' or r.id = any($6::bigint[])) order by r.id",
    _approval,
)
_COUNT = Statement(f"select count(*) {_MINE}", int)


async def approvals(
    context: Context, status: ApprovalStatus | None, first: int | None, after: str | None
) -> Page[Approval]:
    """The viewer's own questions, and those to the viewer as an owner, newest first; a PARTIAL session sees none."""
    limit, place = size(first), position(after, int)
    if not _may_look(context):
        return page([], limit, place, _key, _none, has_more=False)
    seen = (*_who(context), status)
    rows = await context.reads.fetch(_PAGE, *seen, _currency(context), place[0] if place else None, limit + 1)

    async def count() -> int:
        return await context.reads.fetch_one(_COUNT, *seen) or 0

    return page(rows[:limit], limit, place, _key, count, has_more=len(rows) > limit)


async def by_id(context: Context, approval_id: int) -> Approval | None:
    """A question that the viewer may see."""
    if not _may_look(context):
        return None
    return await context.reads.fetch_one(_ONE, *_who(context), None, _currency(context), approval_id)


async def requested_by(context: Context, question: Approval) -> Member | None:
    """Who asked, while they are in the household."""
    households = await viewer.households(context, context.require_viewer())
    members = (member for each in households if each.id == question.household_id for member in each.members)
    return next((member for member in members if member.id == question.member_id), None)


def quote(context: Context, question: Approval) -> Quoted | None:
    """The exact price that was asked for, with a token for whoever looks to make that change themselves."""
    if question.kept is None:
        return None
    caller = context.require_viewer()
    of = Change(caller.operator, caller.user_id, question.line_id, question.kept["what"])
    return quote_token.sign(context.secret, of, read_quote(question.kept, CurrencyCode(question.currency)))


async def resolve(context: Context, approval_id: str, *, approve: bool, comment: str | None) -> Approval | Refused:
    """Answer a question; what is agreed to is done at once."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    wanted = key(approval_id, "ApprovalRequest")
    answering = approval.resolve(context.profile, caller, ACTIONS, wanted, approve=approve, comment=comment)
    outcome = await context.change(answering)
    if not isinstance(outcome, Resolved):
        return outcome
    return await by_id(context, outcome.approval_id) or NotFound("There is no such question to you", ("approvalId",))


async def approval_requested(context: Context) -> AsyncGenerator[Approval, None]:
    """Open questions at once, every new one, and what becomes of those that were told of (F155)."""
    assert context.live is not None
    told: dict[int, ApprovalStatus] = context.live.told

    async def watched(context: Context) -> Mapping[int, str]:
        if not _may_look(context):
            return {}
        families = await viewer.households(context, context.require_viewer())
        roles = (HouseholdRole.OWNER, HouseholdRole.CHILD)
        return {each.id: f"approval:{each.id}" for each in families if each.my_role in roles}

    async def news(context: Context, household_id: int) -> Sequence[Approval] | None:
        if household_id not in await watched(context):
            return None
        seen = (*_who(context), None, _currency(context))
        found = await context.reads.fetch(_NEWS, *seen, household_id, list(told))
        return [each for each in found if told.get(each.id) is not each.status]

    async for questions in follow(context, watched, news):
        for question in questions:
            yield question
            if context.unanswered:  # in a field of the answer: it is told again
                break
            told[question.id] = question.status


def _may_look(context: Context) -> bool:
    return context.viewer is not None and context.viewer.access_level is AccessLevel.FULL


def _who(context: Context) -> tuple[int, str]:
    caller = context.require_viewer()
    return caller.user_id, caller.operator


def _currency(context: Context) -> str:
    return context.profile.operator.currency


def _key(question: Approval) -> Sequence[object]:
    return [question.id]


async def _none() -> int:
    return 0
