"""Television on a line (F129)."""

from datetime import datetime

import strawberry

from resolvers import tv
from schema.catalogue import ServiceSubscription
from schema.node import backed_by


@strawberry.type(description="What a line has of television (F129)")
class TvState:
    trial_available: bool = strawberry.field(description="Whether the line may still try it for free, once")
    trial_ends_at: datetime | None = strawberry.field(description="When the free days end; null where none are running")
    packages: list[ServiceSubscription] = strawberry.field(description="The television that is connected")
    age_rating_limit: int | None = strawberry.field(
        description="Up to which age rating, on a child's line whose policy the viewer sees; null: whatever there is"
    )

    is_type_of = backed_by(tv.TvState)
