"""Tones and status messages: who sees what is set, and setting it (F126–F128)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.access import Scope
from domain.child_policy import TypedHours
from domain.msisdn import normalize
from domain.refusals import NotFound
from domain.ringback import heard
from domain.usage_limit_refusals import ApprovalRequired
from loaders.ringback_by_line_id import Ringback, RingbackRule
from loaders.ringback_tone import RingbackTone
from loaders.visible import Line
from resolvers import confined
from resolvers.context import Context
from resolvers.errors import invalid_input
from resolvers.usage_limit import key
from services import ringback, ringback_gift, status_message
from services.ringback import Refused, RingbackChanged, ToneWanted
from services.ringback_gift import GiftGiven, GiftWanted

_NO_LINE = NotFound("There is no such line", ("lineId",))


@dataclass(frozen=True, slots=True)
class Form:
    """A rule as somebody filled it in."""

    key: str
    line_id: str
    tone_id: str
    for_numbers: list[str]
    hours: TypedHours | None


@dataclass(frozen=True, slots=True)
class GiftForm:
    """A present as somebody filled it in."""

    key: str
    from_line_id: str
    to_msisdn: str
    tone_id: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What one caller hears and reads at one moment."""

    tone: RingbackTone | None
    status_message: str | None


async def of_line(context: Context, line: Line) -> Ringback | None:
    """What is set on a line; None without VIEW, and where nothing can be set."""
    return await context.loaders.ringback_by_line_id.load(line.id) if line.allows(Scope.VIEW) else None


async def rules(context: Context, found: Ringback) -> list[RingbackRule] | None:
    """The rules, with the numbers that they are for: for whoever may set them."""
    return found.rules if await _sets(context, found) else None


async def heard_by(context: Context, found: Ringback, typed: str | None, at: datetime | None) -> Heard | None:
    """What somebody hears who calls from a number, or from a withheld one, at a moment: now, if none is given."""
    if not await _sets(context, found):
        return None
    line = await context.loaders.line_by_id.load(found.line_id)
    profile = context.profiles[line.operator] if line is not None else context.profile
    caller = None if typed is None else normalize(typed, profile)
    if typed is not None and caller is None:
        raise invalid_input("`msisdn` must be a number in full, such as +79031234567")
    if at is not None and at.utcoffset() is None:
        raise invalid_input("`at` must be a moment with its time zone, such as 2026-11-21T10:30:00+05:00")
    try:
        local = (at or datetime.now(UTC)).astimezone(found.zone)
    except OverflowError:
        raise invalid_input("`at` must be a moment of this time") from None
    playing = {each.id: each for each in found.rules if each.plays}
    rule = heard((each.rule for each in playing.values()), caller, local)
    tone = playing[rule.id].tone if rule is not None else None
    return Heard(tone, found.status_message if found.is_shown else None)


async def set_tone(context: Context, form: Form) -> Line | ApprovalRequired | Refused:
    """Set a rule; answers the line as it is afterwards."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    wanted = ToneWanted(form.key, key(form.line_id, "Line"), tone_key(form.tone_id), form.for_numbers, form.hours)
    return await _line(context, await context.change(ringback.set_tone(context.profile, viewer, wanted)))


async def remove_rule(context: Context, rule_id: str) -> Line | ApprovalRequired | Refused:
    """Take a rule away; answers the line as it is afterwards."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    removing = ringback.remove_rule(context.profile, viewer, key(rule_id, "RingbackRule"))
    return await _line(context, await context.change(removing))


async def give(context: Context, form: GiftForm) -> ApprovalRequired | Refused | None:
    """Give a tone to another number; None: it is given."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    wanted = GiftWanted(form.key, key(form.from_line_id, "Line"), form.to_msisdn, tone_key(form.tone_id))
    outcome = await context.change(ringback_gift.give(context.profile, viewer, wanted))
    return None if isinstance(outcome, GiftGiven) else outcome


async def set_message(context: Context, line_id: str, message: str | None) -> Line | ApprovalRequired | Refused:
    """Set or take away a status message; answers the line as it is afterwards."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    setting = status_message.set_message(context.profile, viewer, key(line_id, "Line"), message)
    return await _line(context, await context.change(setting))


def tone_key(global_id: str) -> int:
    """The key of a tone, named as a tone or as the service that it is."""
    return key(global_id, "RingbackTone") or key(global_id, "Service")


async def _sets(context: Context, found: Ringback) -> bool:
    line = await context.loaders.line_by_id.load(found.line_id)
    return line is not None and line.allows(Scope.SERVICES)


async def _line(
    context: Context, outcome: RingbackChanged | ApprovalRequired | Refused
) -> Line | ApprovalRequired | Refused:
    if not isinstance(outcome, RingbackChanged):
        return outcome
    return await context.loaders.line_by_id.load(outcome.line_id) or _NO_LINE
