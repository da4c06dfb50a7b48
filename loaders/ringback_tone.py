"""Ringback tones (F126): services with an artist, as a list of tones shows them. Archived ones lines may still have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.catalogue import FeePeriod
from domain.money import Money
from loaders.scope import ReadScope
from models.reader import Statement

TONE_COLUMNS = "s.id, s.operator, s.name, s.artist, s.fee, s.fee_period, s.preview_url, s.archived"


class ToneRow(NamedTuple):
    """A row of `TONE_COLUMNS`."""

    id: int
    operator: str
    title: str
    artist: str
    fee_minor: int
    fee_period: FeePeriod
    preview_url: str | None
    archived: bool


@dataclass(frozen=True, slots=True)
class RingbackTone:
    """A tone; its id is that of the service that is connected for it."""

    id: int
    title: str
    artist: str
    fee: Money
    fee_period: FeePeriod
    preview_url: str | None
    archived: bool


BY_ID = Statement(
    f"""
select {TONE_COLUMNS} from service s
where s.id = any($1::bigint[]) and s.operator = $2 and s.artist is not null
""",
    ToneRow,
)


async def ringback_tone_by_id(scope: ReadScope, tone_ids: Sequence[int]) -> Mapping[int, RingbackTone | None]:
    rows = await scope.reads.fetch(BY_ID, tone_ids, scope.profile.operator.id)
    return {row.id: tone(scope, row) for row in rows}


def tone(scope: ReadScope, row: ToneRow) -> RingbackTone:
    """A tone in the currency of its operator."""
    profile = scope.profile_of(row.operator) or scope.profile
    return RingbackTone(
        id=row.id,
        title=row.title,
        artist=row.artist,
        fee=Money(row.fee_minor, profile.operator.currency),
        fee_period=FeePeriod(row.fee_period),
        preview_url=row.preview_url,
        archived=row.archived,
    )
