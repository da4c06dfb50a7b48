"""Saying how much of its household's pool a line may take (F156)."""

from decimal import Decimal
from typing import Annotated

import strawberry

from resolvers import data_pool
from resolvers.context import Info
from schema.household_management import HOUSEHOLD_ID, HouseholdPayload, household_payload
from schema.payload import CLIENT_MUTATION_ID


@strawberry.input(description="How much of the pool a line may take")
class SetPoolShareInput:
    household_id: strawberry.ID = strawberry.field(description=HOUSEHOLD_ID)
    line_id: strawberry.ID = strawberry.field(description="A line of the household: a member's, or a linked one")
    cap: Decimal | None = strawberry.field(
        default=None, description="How many bytes in a period, 0 for nothing; left out: as much as there is"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class DataPoolMutation:
    @strawberry.mutation(
        description="Let a line take of the household's pool, up to a cap (F156): its owner, and adults with LIMITS "
        "over the line. It holds at once, for what was taken in this period too"
    )
    async def set_pool_share(
        self, info: Info, input: Annotated[SetPoolShareInput, strawberry.argument(description="Which line, how much")]
    ) -> HouseholdPayload:
        cap = None if input.cap is None else str(input.cap)
        outcome = await data_pool.set_share(info.context, input.household_id, input.line_id, cap)
        return household_payload(outcome, input.client_mutation_id)
