"""What callers of a line hear and read, and what is charged for it next (F126, F128).

Only for mobile lines of operators that offer tones or status messages; others have no row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.child_policy import QuietHours
from domain.money import Money
from domain.ringback import STATUS_MESSAGE, Rule
from loaders.batch import grouped
from loaders.ringback_tone import TONE_COLUMNS, RingbackTone, ToneRow
from loaders.ringback_tone import tone as ringback_tone
from loaders.scope import ReadScope
from models.reader import Statement
from models.ringback import hours_of


@dataclass(frozen=True, slots=True)
class RingbackRule:
    """A tone for some callers at some hours. `plays`: it is paid for, so that it is heard."""

    id: int
    line_id: int
    tone: RingbackTone
    for_numbers: list[str]
    hours: QuietHours | None
    plays: bool

    @property
    def rule(self) -> Rule:
        return Rule(self.id, self.tone.id, tuple(self.for_numbers), self.hours)


@dataclass(frozen=True, slots=True)
class Ringback:
    """What is set on a line; `status_message` as its user wrote it, shown to callers while `is_shown`."""

    line_id: int
    zone: ZoneInfo
    rules: list[RingbackRule]
    status_message: str | None
    is_shown: bool
    next_charge_at: datetime | None
    price: Money | None

    @property
    def tone(self) -> RingbackTone | None:
        """What everybody hears at any hour, where no rule says otherwise."""
        return next((each.tone for each in reversed(self.rules) if not each.for_numbers and each.hours is None), None)


class _Line(NamedTuple):
    line_id: int
    operator: str
    status_message: str | None
    is_shown: bool
    next_charge_at: datetime | None
    price_minor: int | None


def _rule_row(rule_id: int, line_id: int, numbers: list[str], hours: Any, plays: bool, *tone: Any) -> tuple[Any, ...]:
    return rule_id, line_id, numbers, hours_of(hours), plays, ToneRow(*tone)


# What a line pays for and has now.
_PAID = "ss.ended_at is null and ss.unpaid_since is null and (ss.valid_until is null or ss.valid_until > now())"

RULES = Statement(
    f"""
select r.id, r.line_id, r.for_numbers, r.hours, exists (
    select from service_subscription ss where ss.line_id = r.line_id and ss.service_id = r.tone_id and {_PAID}),
  {TONE_COLUMNS}
from ringback_rule r join service s on s.id = r.tone_id
where r.line_id = any($1::bigint[]) order by r.line_id, r.id
""",
    _rule_row,
)
# All that falls due at the earliest moment, which is what is charged then.
LINES = Statement(
    f"""
with paid as (
  select ss.line_id, s.code, s.fee, ss.next_charge_at, min(ss.next_charge_at) over (partition by ss.line_id) as first
  from service_subscription ss join service s on s.id = ss.service_id
  where ss.line_id = any($1::bigint[]) and {_PAID}
    and (s.code = '{STATUS_MESSAGE}' or (s.category = 'RINGBACK' and s.artist is not null))
)
select l.id, l.operator, m.text, exists (select from paid p where p.line_id = l.id and p.code = '{STATUS_MESSAGE}'),
  (select min(p.first) from paid p where p.line_id = l.id),
  (select sum(p.fee)::bigint from paid p where p.line_id = l.id and p.next_charge_at = p.first)
from line l left join status_message m on m.line_id = l.id
where l.id = any($1::bigint[]) and l.kind = 'MOBILE'
""",
    _Line,
)


async def ringback_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, Ringback | None]:
    rules = grouped(
        (
            RingbackRule(rule_id, line_id, ringback_tone(scope, tone), numbers, hours, plays)
            for rule_id, line_id, numbers, hours, plays, tone in await scope.reads.fetch(RULES, line_ids)
        ),
        lambda rule: rule.line_id,
    )
    found = {}
    for row in await scope.reads.fetch(LINES, line_ids):
        profile = scope.profile_of(row.operator)
        if profile is None or not (profile.services.ringback or profile.services.status_message):
            continue
        price = None if row.price_minor is None else Money(row.price_minor, profile.operator.currency)
        found[row.line_id] = Ringback(
            line_id=row.line_id,
            zone=profile.operator.zone,
            rules=rules.get(row.line_id, []),
            status_message=row.status_message,
            is_shown=row.is_shown and row.status_message is not None,
            next_charge_at=row.next_charge_at,
            price=price,
        )
    return found
