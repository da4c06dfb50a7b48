"""What the owner of a household says of a child's line (F048)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import Scope
from domain.catalogue import ServiceCategory
from domain.child_policy import Policy, TypedHours, read_age_rating, read_asked, read_numbers, read_quiet_hours
from domain.profile import Profile
from domain.refusals import Forbidden, InputRejected
from models import audit
from models.child_policy import stored_hours
from models.database import tx
from models.rights import rights_changed
from services.usage_limit import Limited, LimitsChanged, Refused, limited, minor_of

_NO_CHILD = InputRejected("Only a child's line has a policy", ("lineId",))

_SET = """
insert into child_policy (line_id, blocked_categories, max_age_rating, quiet_hours, approval_needed_for,
  can_top_up_self, always_allowed_numbers, set_by_id, set_at)
values ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, now())
on conflict (line_id) do update set blocked_categories = excluded.blocked_categories,
  max_age_rating = excluded.max_age_rating, quiet_hours = excluded.quiet_hours,
  approval_needed_for = excluded.approval_needed_for, can_top_up_self = excluded.can_top_up_self,
  always_allowed_numbers = excluded.always_allowed_numbers, set_by_id = excluded.set_by_id, set_at = now()
"""
# Whoever changes the policy of a line comes in one after the other: each says a part of it.
_LOCK = "select pg_advisory_xact_lock(hashtextextended('child_policy:' || $1::bigint, 0))"
_LINES_TOPPED_UP = "select id from line where user_id = $1 and account_id = $2 order by id"
_NOT_BY_ONESELF = Forbidden("The owner of the household pays for this line; ask them", ("target",))


@dataclass(frozen=True, slots=True)
class PolicyWanted:
    """The parts of a policy that are to change; None leaves one as it is."""

    line_id: int
    blocked_categories: Sequence[ServiceCategory] | None = None
    max_age_rating: int | None = None
    any_age_rating: bool = False
    quiet_hours: Sequence[TypedHours] | None = None
    approval_needed_for: Sequence[Scope] | None = None
    can_top_up_self: bool | None = None
    always_allowed_numbers: Sequence[str] | None = None

    def over(self, policy: Policy, profile: Profile) -> Policy | InputRejected:
        """The policy with these parts changed."""
        if self.blocked_categories is not None:
            blocked = tuple(each for each in ServiceCategory if each in self.blocked_categories)
            policy = replace(policy, blocked_categories=blocked)
        if self.any_age_rating:
            policy = replace(policy, max_age_rating=None)
        if self.max_age_rating is not None:
            rating = read_age_rating(self.max_age_rating)
            if isinstance(rating, InputRejected):
                return rating
            policy = replace(policy, max_age_rating=rating)
        if self.quiet_hours is not None:
            hours = read_quiet_hours(self.quiet_hours)
            if isinstance(hours, InputRejected):
                return hours
            policy = replace(policy, quiet_hours=hours)
        if self.approval_needed_for is not None:
            asked = read_asked(self.approval_needed_for)
            if isinstance(asked, InputRejected):
                return asked
            policy = replace(policy, approval_needed_for=asked)
        if self.can_top_up_self is not None:
            policy = replace(policy, can_top_up_self=self.can_top_up_self)
        if self.always_allowed_numbers is not None:
            numbers = read_numbers(self.always_allowed_numbers, profile)
            if isinstance(numbers, InputRejected):
                return numbers
            policy = replace(policy, always_allowed_numbers=numbers)
        return policy


async def set_policy(profile: Profile, viewer: Viewer, wanted: PolicyWanted) -> LimitsChanged | Refused:
    """Change the policy of a child's line, whose lines only have one."""

    async def work(connection: BaseDBAsyncClient) -> LimitsChanged | Refused:
        await connection.execute_query(_LOCK, [wanted.line_id])
        line = await limited(connection, profile, viewer, wanted.line_id)
        if not isinstance(line, Limited):
            return line
        if line.child is None:
            return _NO_CHILD
        policy = wanted.over(line.child.policy, profile)
        if not isinstance(policy, Policy):
            return policy
        if policy == line.child.policy and line.child.set_at is not None:
            return LimitsChanged(line.line_id)
        told = [
            line.line_id,
            list(policy.blocked_categories),
            policy.max_age_rating,
            stored_hours(policy.quiet_hours),
            list(policy.approval_needed_for),
            policy.can_top_up_self,
            list(policy.always_allowed_numbers),
            viewer.user_id,
        ]
        await connection.execute_query(_SET, told)
        await audit.record(connection, viewer, "CHILD_POLICY_SET", line.about)
        await rights_changed(connection, lines=[line.line_id])
        return LimitsChanged(line.line_id)

    return await tx(work)


async def top_up_refused(
    connection: BaseDBAsyncClient, profile: Profile, payer_id: int, account_id: int
) -> Forbidden | None:
    """Why a child may not top up a line of its own; others always may (I13)."""
    for row in await connection.execute_query_dict(_LINES_TOPPED_UP, [payer_id, account_id]):
        child = await minor_of(connection, profile, row["id"])
        if child is not None and not child.policy.can_top_up_self:
            return _NOT_BY_ONESELF
    return None
