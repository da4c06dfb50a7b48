"""What a home-screen widget shows: one line, to look at (F060)."""

from datetime import datetime

import strawberry

from resolvers import widget
from schema.balance import PackageRemain
from schema.line import Line
from schema.money import Money
from schema.node import backed_by


@strawberry.type(description="What a home-screen widget shows of one line")
class WidgetSnapshot:
    line: Line | None = strawberry.field(description="The line; null where the viewer has no number to look at")
    balance: Money | None = strawberry.field(description="What can be spent; null where it was never known")
    remains: list[PackageRemain] = strawberry.field(description="What is left of its packages, first to reset first")
    as_of: datetime = strawberry.field(description="The moment from which on all of this was true")

    is_type_of = backed_by(widget.Snapshot)
