"""A ringback tone of this cabinet's catalogue by its id, one that is sold no more included (F126)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.catalogue import FeePeriod
from domain.money import Money
from loaders.scope import ReadScope
from models.reader import Statement

TONE_COLUMNS = "s.id, s.operator, s.name, s.artist, s.fee, s.fee_period, s.preview_url"


class ToneRow(NamedTuple):
    """A row of `TONE_COLUMNS`."""

    id: int
    operator: str
    name: str
    artist: str
    fee_minor: int
    fee_period: FeePeriod
    preview_url: str | None


@dataclass(frozen=True, slots=True)
class RingbackTone:
    """A tone that callers hear instead of the ringing."""

    id: int
    title: str
    artist: str
    fee: Money
    fee_period: FeePeriod
    preview_url: str | None


TONES = Statement(
    f"""
select {TONE_COLUMNS} from service s
where s.id = any($1::bigint[]) and s.operator = $2 and s.category = 'RINGBACK' and s.artist is not null
""",
    ToneRow,
)


async def ringback_tone_by_id(scope: ReadScope, tone_ids: Sequence[int]) -> Mapping[int, RingbackTone | None]:
    rows = await scope.reads.fetch(TONES, tone_ids, scope.profile.operator.id)
    return {row.id: ringback_tone(scope, row) for row in rows}


def ringback_tone(scope: ReadScope, row: ToneRow) -> RingbackTone:
    """A tone with its fee in the currency of its operator."""
    profile = scope.profile_of(row.operator) or scope.profile
    return RingbackTone(
        id=row.id,
        title=row.name,
        artist=row.artist,
        fee=Money(row.fee_minor, profile.operator.currency),
        fee_period=FeePeriod(row.fee_period),
        preview_url=row.preview_url,
    )
