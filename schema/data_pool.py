"""The pool of a household's gigabytes (F156)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import strawberry

from domain.usage import UsageUnit
from resolvers import data_pool
from schema.line import Line
from schema.node import backed_by


@strawberry.type(description="What a line may take of the pool in one of its periods")
class PoolShare:
    line: Line = strawberry.field(description="Which line")
    cap: Decimal | None = strawberry.field(description="How much at the most; null: as much as there is")
    used: Decimal = strawberry.field(description="What it took in the period that runs")

    is_type_of = backed_by(data_pool.PoolShare)


@strawberry.type(
    description="The gigabytes of the household's family tariffs: of its owner's and children's lines, and of linked "
    "lines whose users allow to give gigabytes away. A line with a share takes of them when its own are used up"
)
class DataPool:
    total: Decimal = strawberry.field(description="How much there was when the period began")
    left: Decimal = strawberry.field(description="How much there is now")
    unit: UsageUnit = strawberry.field(description="The unit of the amounts")
    shares: list[PoolShare] = strawberry.field(description="Who may take how much; lines that the viewer sees")
    resets_at: datetime | None = strawberry.field(description="When it is filled again, and shares count anew")

    is_type_of = backed_by(data_pool.DataPool)
