"""The root of what is told as it happens."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from loaders import visible
from resolvers import balance
from resolvers.context import Info
from schema.approval import ApprovalSubscription
from schema.household_management import HouseholdSubscription
from schema.line import Line
from schema.link_request import LinkRequestSubscription
from schema.payment import PaymentSubscription

_LINE_IDS = (
    f"Lines, at most {balance.MOST_LINES}; all of the viewer's when left out. Unknown, foreign and malformed ids are "
    "passed over alike"
)


@strawberry.type(
    description=(
        "What is told as it happens, over a socket (`graphql-transport-ws`). Session and rights are looked at again "
        "for every event; a stream completes when nothing of it may be seen any more"
    )
)
class Subscription(PaymentSubscription, LinkRequestSubscription, HouseholdSubscription, ApprovalSubscription):
    @strawberry.subscription(
        graphql_type=Line,
        description="Lines whose balance the viewer may see: each one at once, and whenever its balance changes (F062)",
    )
    def balance_changed(
        self,
        info: Info,
        line_ids: Annotated[list[strawberry.ID] | None, strawberry.argument(description=_LINE_IDS)] = None,
    ) -> AsyncGenerator[visible.Line, None]:
        return balance.balance_changed(info.context, line_ids)

    @strawberry.subscription(
        graphql_type=Line,
        description="Lines whose remains the viewer may see: each one at once, and whenever something is used of its "
        "packages or put into them (F062)",
    )
    def remains_changed(
        self,
        info: Info,
        line_ids: Annotated[list[strawberry.ID] | None, strawberry.argument(description=_LINE_IDS)] = None,
    ) -> AsyncGenerator[visible.Line, None]:
        return balance.remains_changed(info.context, line_ids)
