"""Tariffs side by side (F103)."""

import strawberry

from schema.catalogue import Tariff


@strawberry.type(description="One thing that is compared of tariffs")
class TariffComparisonRow:
    key: str = strawberry.field(description="What it is, for programs, such as `FEE` or `INCLUDED_MINUTE`")
    label: str = strawberry.field(description="What it is, in the viewer's language")
    values: list[str] = strawberry.field(description="How it is with each tariff, in their order")
    differs: bool = strawberry.field(description="Whether the tariffs are not all alike in it")
    best_index: int | None = strawberry.field(
        description="Which value is the best, counted from 0, the first of several; null where none is better"
    )


@strawberry.type(description="Tariffs side by side (F103)")
class TariffComparison:
    tariffs: list[Tariff] = strawberry.field(description="The tariffs, in the order of `ids`")
    rows: list[TariffComparisonRow] = strawberry.field(
        description="What is compared; what none of them has is left out"
    )
