"""Which tone callers hear instead of the ringing: set, paid for, taken away (F126).

A line pays for a tone once, whatever number of rules plays it; a tone that no rule plays any more is switched off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import Scope
from domain.child_policy import QuietHours, TypedHours
from domain.features import feature
from domain.line import ServiceKind
from domain.money import Money
from domain.msisdn import mask
from domain.payment_rules import check_key
from domain.profile import Profile
from domain.quote_refusals import QuoteRejected
from domain.refusals import FeatureDisabled, Forbidden, IdempotencyConflict, InputRejected, NotFound
from domain.ringback import MOST_RULES, read_callers, read_rule_hours
from domain.ringback_refusals import ToneNotTaken
from domain.sim import CooldownActive
from domain.usage_limit_refusals import ApprovedPriceChanged, LimitExceeded
from models import audit
from models.audit import Actor, TheUser
from models.database import tx
from models.ringback import hours_of, stored_hours
from services import line_change, ringback_subscription, serviced_line
from services.approval import Agreed, Question, Stopped
from services.line_change import Named, Repeated
from services.payment_entry import digest
from services.serviced_line import Serviced

Refused = (
    FeatureDisabled
    | CooldownActive
    | IdempotencyConflict
    | QuoteRejected
    | ToneNotTaken
    | serviced_line.Refused
    | ringback_subscription.Refused
)

ACTION = "SET_RINGBACK_TONE"
NO_TONE = NotFound("There is no such tone", ("toneId",))
_NO_RULE = NotFound("There is no such rule", ("ruleId",))
_FULL = InputRejected(f"A line has at most {MOST_RULES} rules; take one away first", ("forNumbers",))

_RULES = "select id, tone_id, for_numbers, hours from ringback_rule where line_id = $1 order by id"
_ADD = """
insert into ringback_rule (line_id, tone_id, for_numbers, hours, set_at) values ($1, $2, $3::text[], $4::jsonb, now())
"""
_REMOVE = "delete from ringback_rule where id = $1"
_LINE_OF = "select line_id from ringback_rule where id = $1"


@dataclass(frozen=True, slots=True)
class ToneWanted:
    """A rule as somebody typed it; without numbers for everybody, without hours at any."""

    key: str
    line_id: int
    tone_id: int
    for_numbers: Sequence[str]
    hours: TypedHours | None


@dataclass(frozen=True, slots=True)
class RingbackChanged:
    """What callers of the line hear or read is as it was asked to be."""

    line_id: int


@dataclass(frozen=True, slots=True)
class _Rule:
    tone_id: int
    for_numbers: tuple[str, ...]
    hours: QuietHours | None

    @property
    def subject(self) -> dict[str, Any]:
        """What a child asks for, as JSON keeps it."""
        hours = stored_hours(self.hours)
        return {
            "tone": self.tone_id,
            "numbers": list(self.for_numbers),
            "hours": None if hours is None else orjson.loads(hours),
        }


async def set_tone(profile: Profile, viewer: Viewer, wanted: ToneWanted) -> RingbackChanged | Refused:
    """Let callers hear a tone. The same callers at the same hours have one tone: this one from now on."""
    if refused := off(profile, "services.ringback") or check_key(wanted.key):
        return refused
    numbers = read_callers(wanted.for_numbers, profile)
    hours = read_rule_hours(wanted.hours)
    if isinstance(numbers, InputRejected):
        return numbers
    if isinstance(hours, InputRejected):
        return hours
    rule = _Rule(wanted.tone_id, numbers, hours)
    named = Named(viewer.user_id, wanted.line_id, wanted.key, digest(ACTION, wanted.line_id, rule.subject))

    async def work(connection: BaseDBAsyncClient) -> RingbackChanged | Refused:
        line = await serviced_line.to_put_on(connection, profile, viewer, wanted.line_id)
        if not isinstance(line, Serviced):
            return line
        before = await line_change.before(connection, named)
        if before is not None:
            return RingbackChanged(line.line_id) if isinstance(before, Repeated) else before
        outcome = await _set(connection, profile, viewer, line, rule)
        if isinstance(outcome, RingbackChanged):
            await line_change.done(connection, named, None)
        return outcome

    return await tx(work)


async def remove_rule(profile: Profile, viewer: Viewer, rule_id: int) -> RingbackChanged | Refused:
    """Take a rule away; what no rule plays any more is paid no more."""

    async def work(connection: BaseDBAsyncClient) -> RingbackChanged | Refused:
        found = await connection.execute_query_dict(_LINE_OF, [rule_id])
        if not found:
            return _NO_RULE
        line = await serviced_line.to_take_off(connection, profile, viewer, found[0]["line_id"])
        if not isinstance(line, Serviced):
            return _NO_RULE if isinstance(line, NotFound) else line
        await line_change.alone(connection, line.line_id)
        rules = await _rules(connection, line.line_id)
        if rule_id not in rules:
            return _NO_RULE
        await connection.execute_query(_REMOVE, [rule_id])
        await _end_unplayed(connection, profile, viewer, line, rules[rule_id].tone_id)
        await audit.record(connection, viewer, "RINGBACK_RULE_REMOVED", line.about)
        return RingbackChanged(line.line_id)

    return await tx(work)


async def do_set(connection: BaseDBAsyncClient, profile: Profile, agreed: Agreed) -> Stopped | None:
    """Set the tone that the owner agreed to, in the owner's transaction."""
    await line_change.alone(connection, agreed.line_id)
    line = await serviced_line.of_child(connection, profile, agreed.line_id, agreed.child_id)
    if not isinstance(line, Serviced):
        return stopped(line)
    told = agreed.subject
    rule = _Rule(told["tone"], tuple(told["numbers"]), hours_of(told["hours"]))
    child = TheUser(profile.operator.id, agreed.child_id)
    outcome = await _set(connection, profile, child, line, rule, price=agreed.price)
    return None if isinstance(outcome, RingbackChanged) else stopped(outcome)


def stopped(refused: Refused) -> Stopped:
    """A refusal as the owner reads it, who answers a question and filled in nothing."""
    if isinstance(refused, LimitExceeded | ApprovedPriceChanged):
        return refused
    return Forbidden(refused.message, ("approvalId",))


def off(profile: Profile, key: str) -> FeatureDisabled | None:
    """Whether the operator does not offer it."""
    flag = feature(profile, key)
    return None if flag.enabled else FeatureDisabled(flag.key, flag.reason or "")


async def _set(
    connection: BaseDBAsyncClient,
    profile: Profile,
    actor: Actor,
    line: Serviced,
    rule: _Rule,
    price: Money | None = None,
) -> RingbackChanged | Refused:
    tone = await ringback_subscription.tone(connection, profile, rule.tone_id, line.line_id)
    if tone is None or line.of.kind is not ServiceKind.MOBILE or tone.kind is not line.of.kind:
        return NO_TONE
    rules = await _rules(connection, line.line_id)
    same = next((key for key, each in rules.items() if _callers(each) == _callers(rule)), None)
    if same is None and len(rules) >= MOST_RULES:
        return _FULL
    question = Question(
        line_id=line.line_id,
        scope=Scope.SERVICES,
        action=ACTION,
        title=f"{tone.title}: {Money(tone.fee, profile.operator.currency)} / {tone.fee_period}",
        subject=rule.subject,
        subject_key=digest(ACTION, rule.subject),
        price=None,
    )
    if refused := await ringback_subscription.bought(connection, profile, actor, line, tone, question, price):
        return refused
    if same is not None and rules[same] == rule:
        return RingbackChanged(line.line_id)
    told = [line.line_id, rule.tone_id, list(rule.for_numbers), stored_hours(rule.hours)]
    if same is not None:
        await connection.execute_query(_REMOVE, [same])
    await connection.execute_query(_ADD, told)
    if same is not None and rules[same].tone_id != rule.tone_id:
        await _end_unplayed(connection, profile, actor, line, rules[same].tone_id)
    named = ", ".join(mask(number) for number in rule.for_numbers[:3]) or None
    await audit.record(connection, actor, "RINGBACK_TONE_SET", line.about, tone=tone.title, callers=named)
    return RingbackChanged(line.line_id)


async def _end_unplayed(
    connection: BaseDBAsyncClient, profile: Profile, actor: Actor, line: Serviced, tone_id: int
) -> None:
    """Switch a tone off that no rule plays."""
    if all(each.tone_id != tone_id for each in (await _rules(connection, line.line_id)).values()):
        await ringback_subscription.end(connection, profile, actor, line, tone_id)


async def _rules(connection: BaseDBAsyncClient, line_id: int) -> dict[int, _Rule]:
    rows = await connection.execute_query_dict(_RULES, [line_id])
    return {
        row["id"]: _Rule(
            row["tone_id"],
            tuple(row["for_numbers"]),
            hours_of(orjson.loads(row["hours"]) if row["hours"] is not None else None),
        )
        for row in rows
    }


def _callers(rule: _Rule) -> tuple[tuple[str, ...], QuietHours | None]:
    return rule.for_numbers, rule.hours
