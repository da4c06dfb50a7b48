"""Gigabytes that one number gives another one (F118)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import strawberry

from domain import data_gift as rules
from domain.refusals import ErrorCode
from domain.usage import UsageUnit
from resolvers import data_gift
from resolvers.context import Info
from schema.balance import PackageRemain
from schema.line_payload import LinePayload, line_payload
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID, UserError
from schema.payment import IDEMPOTENCY_KEY
from schema.scalars import MSISDN


@strawberry.type(description="What a line may give away of its gigabytes, and what it was given")
class SharingState:
    can_share: bool = strawberry.field(description="Whether gigabytes can be given to another number now")
    reason: ErrorCode | None = strawberry.field(
        description="Why not; APPROVAL_REQUIRED: they can, and the owner of the household is asked first"
    )
    left_to_share: Decimal = strawberry.field(
        description="How much can be given now: what the month's limit and the packages of tariff and services leave"
    )
    unit: UsageUnit = strawberry.field(description="The unit of the amounts")
    min_step: Decimal = strawberry.field(description="What can be given is whole ones of this: a gigabyte")
    max_per_month: Decimal = strawberry.field(description="How much can be given in a calendar month")
    received: list[PackageRemain] = strawberry.field(description="What it was given and has not used up")

    is_type_of = backed_by(data_gift.SharingState)


@strawberry.type(description="More than can be given: this month, or of what the packages hold; nothing was given")
class GiftLimitExceeded(UserError):
    left: Decimal = strawberry.field(description="How many bytes can be given, in whole gigabytes")

    is_type_of = backed_by(rules.GiftLimitExceeded)


@strawberry.type(description="The number takes no gigabytes now; it is not told why")
class GiftNotTaken(UserError):
    is_type_of = backed_by(rules.GiftNotTaken)


GIFT_ERRORS = (GiftLimitExceeded, GiftNotTaken)


@strawberry.input(description="Gigabytes for another number")
class ShareDataInput:
    idempotency_key: strawberry.ID = strawberry.field(description=IDEMPOTENCY_KEY)
    from_line_id: strawberry.ID = strawberry.field(description="A line that the viewer has TRANSFER over")
    to_msisdn: MSISDN = strawberry.field(description="Any number of the same operator, whatever its region")
    gigabytes: int = strawberry.field(description="How many whole gigabytes")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class DataGiftMutation:
    @strawberry.mutation(
        description="Give gigabytes of a tariff or service to another number (F118), which has them for some days and "
        "cannot give them on. A child asks the owner of its household: APPROVAL_REQUIRED"
    )
    async def share_data(
        self, info: Info, input: Annotated[ShareDataInput, strawberry.argument(description="How many, and to whom")]
    ) -> LinePayload:
        outcome = await data_gift.share(
            info.context, input.idempotency_key, input.from_line_id, input.to_msisdn, input.gigabytes
        )
        return line_payload(outcome, input.client_mutation_id)
