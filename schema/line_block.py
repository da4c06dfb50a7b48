"""Blocking a number, and letting it work again (2.I)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from domain import line_block_refusals
from domain.line import BlockReason
from loaders import block_by_line_id
from resolvers import line_block
from resolvers.context import Info
from schema.line_payload import LinePayload, line_payload
from schema.money import Money
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID, UserError


@strawberry.type(description="A block by those who use the line; money on it stays")
class LineBlock:
    reason: BlockReason = strawberry.field(description="Why")
    since: datetime = strawberry.field(description="When it was blocked")
    until: datetime | None = strawberry.field(description="When it works again by itself; null: when it is unblocked")
    by: str | None = strawberry.field(description="Who blocked it, by name")

    is_type_of = backed_by(block_by_line_id.LineBlock)


@strawberry.type(description="The line is blocked already, or the operator suspended it")
class LineBlocked(UserError):
    is_type_of = backed_by(line_block_refusals.LineBlocked)


@strawberry.type(description="Those who use the line have not blocked it")
class LineNotBlocked(UserError):
    is_type_of = backed_by(line_block_refusals.LineNotBlocked)


@strawberry.type(description="At this operator only the holder of the contract may (F123)")
class OnlyContractHolder(UserError):
    is_type_of = backed_by(line_block_refusals.OnlyContractHolder)


@strawberry.type(description="The account does not hold the price of a block (F125)")
class BlockUnpaid(UserError):
    price: Money = strawberry.field(description="What a block costs")

    is_type_of = backed_by(line_block_refusals.BlockUnpaid)


LINE_BLOCK_ERRORS = (LineBlocked, LineNotBlocked, OnlyContractHolder, BlockUnpaid)


@strawberry.input(description="Which line does not work from now on")
class BlockLineInput:
    line_id: strawberry.ID = strawberry.field(description="Its global id")
    reason: BlockReason = strawberry.field(
        description="With LOST and STOLEN no code goes to the number, and nobody signs in by it"
    )
    until: datetime | None = strawberry.field(default=None, description="For VACATION: when it works again by itself")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Which line is to work again")
class UnblockLineInput:
    line_id: strawberry.ID = strawberry.field(description="Its global id")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Whose new SIM it is")
class TrustSimInput:
    line_id: strawberry.ID = strawberry.field(description="The global id of the viewer's own line")
    password: str = strawberry.field(description="The permanent one")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class LineBlockMutation:
    @strawberry.mutation(
        description="Block a number at once, as when its telephone is lost: for whoever has the scope BLOCK. Money on "
        "it stays (F121)"
    )
    async def block_line(
        self, info: Info, input: Annotated[BlockLineInput, strawberry.argument(description="Which line, and why")]
    ) -> LinePayload:
        outcome = await line_block.block_line(info.context, input.line_id, input.reason, input.until)
        return line_payload(outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Let a blocked number work again; needs a fresh proof. What the operator suspended stays so (F122)"
    )
    async def unblock_line(
        self, info: Info, input: Annotated[UnblockLineInput, strawberry.argument(description="Which line")]
    ) -> LinePayload:
        outcome = await line_block.unblock_line(info.context, input.line_id)
        return line_payload(outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Say that the new SIM of one's own number is one's own: by the password, in a session that was "
        "there before it. What a new SIM holds up may be done then (E13)"
    )
    async def trust_sim(
        self, info: Info, input: Annotated[TrustSimInput, strawberry.argument(description="Which line, and the proof")]
    ) -> LinePayload:
        outcome = await line_block.trust_sim(info.context, input.line_id, input.password)
        return line_payload(outcome, input.client_mutation_id)
