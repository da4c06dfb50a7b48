"""Tones that callers hear, and the words that they read (F126–F128)."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from domain import ringback_refusals as refusals
from domain.child_policy import TypedHours
from loaders import ringback_by_line_id
from resolvers import ringback
from resolvers.context import Info
from resolvers.node_id import encode
from resolvers.ringback import Form, GiftForm
from schema.child_policy import QuietHours, QuietHoursInput
from schema.line_payload import LinePayload, line_payload
from schema.money import Money
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID, SimplePayload, UserError, done
from schema.ringback_tone import RingbackTone
from schema.scalars import MSISDN

_KEY = "The client's own name of this change, such as a UUID: repeated, it is made once"


@strawberry.type(description="The account does not hold what it costs now; nothing was changed")
class RingbackUnpaid(UserError):
    price: Money = strawberry.field(description="What it costs now")

    is_type_of = backed_by(refusals.RingbackUnpaid)


@strawberry.type(description="The number takes no such present; it is not told why")
class ToneNotTaken(UserError):
    is_type_of = backed_by(refusals.ToneNotTaken)


RINGBACK_ERRORS = (RingbackUnpaid, ToneNotTaken)


@strawberry.type(description="A tone for some callers, at some hours")
class RingbackRule:
    tone: RingbackTone = strawberry.field(description="What they hear")
    for_numbers: list[MSISDN] = strawberry.field(description="Who: these callers; empty: everybody")
    hours: QuietHours | None = strawberry.field(description="When, on the operator's clock; null: always")
    plays: bool = strawberry.field(description="Whether it is paid for: otherwise callers hear the ordinary ringing")

    is_type_of = backed_by(ringback_by_line_id.RingbackRule)

    @strawberry.field(description="For `removeRingbackRule`")
    def id(self: Any) -> strawberry.ID:
        return strawberry.ID(encode("RingbackRule", self.id))


@strawberry.type(description="What one caller hears and reads at one moment")
class RingbackHeard:
    tone: RingbackTone | None = strawberry.field(description="The tone; null: the ordinary ringing")
    status_message: str | None = strawberry.field(description="The words; null: none")

    is_type_of = backed_by(ringback.Heard)


@strawberry.type(description="What callers of a line hear and read (F126, F128)")
class RingbackSettings:
    tone: RingbackTone | None = strawberry.field(
        description="What everybody hears at any hour, unless a rule says otherwise; null: the ordinary ringing"
    )
    status_message: str | None = strawberry.field(description="What callers read while it rings; null: nothing")
    next_charge_at: datetime | None = strawberry.field(
        description="When something of it is charged next; null: nothing is"
    )
    price: Money | None = strawberry.field(description="What is charged then, all together; null: nothing is")

    is_type_of = backed_by(ringback_by_line_id.Ringback)

    @strawberry.field(
        graphql_type=list[RingbackRule] | None,
        description="Which tone for whom and when, the first that was set first; of several that fit, the most exact "
        "one is heard. Null without the scope SERVICES",
    )
    async def rules(self: Any, info: Info) -> object:
        return await ringback.rules(info.context, self)

    @strawberry.field(
        graphql_type=RingbackHeard | None, description="Try it: what a caller hears. Null without the scope SERVICES"
    )
    async def heard_by(
        self: Any,
        info: Info,
        msisdn: Annotated[
            MSISDN | None, strawberry.argument(description="The caller's number; null: it is withheld")
        ] = None,
        at: Annotated[datetime | None, strawberry.argument(description="When; now, if left out")] = None,
    ) -> object:
        return await ringback.heard_by(info.context, self, msisdn, at)


@strawberry.input(description="A tone that callers are to hear")
class SetRingbackToneInput:
    idempotency_key: strawberry.ID = strawberry.field(description=_KEY)
    line_id: strawberry.ID = strawberry.field(description="A mobile number that the viewer has SERVICES over")
    tone_id: strawberry.ID = strawberry.field(description="One of `ringbackTones`; its fee is charged at once")
    for_numbers: list[MSISDN] | None = strawberry.field(
        default=None, description="Who hears it, at most 50 numbers; empty: everybody"
    )
    hours: QuietHoursInput | None = strawberry.field(default=None, description="When it is heard; null: always")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A rule that is to be taken away")
class RemoveRingbackRuleInput:
    rule_id: strawberry.ID = strawberry.field(description="One of `Line.ringback.rules`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A tone as a present")
class GiftRingbackToneInput:
    idempotency_key: strawberry.ID = strawberry.field(description=_KEY)
    from_line_id: strawberry.ID = strawberry.field(
        description="The number that gives and pays, which the viewer has SERVICES and TRANSFER over"
    )
    to_msisdn: MSISDN = strawberry.field(description="The number that it is given to, of the same operator")
    tone_id: strawberry.ID = strawberry.field(description="One of `ringbackTones`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The words that callers are to read")
class SetStatusMessageInput:
    line_id: strawberry.ID = strawberry.field(description="A mobile number that the viewer has SERVICES over")
    message: str | None = strawberry.field(
        default=None, description="At most 100 characters on one line; null or empty: none, and nothing is charged"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class RingbackMutation:
    @strawberry.mutation(
        description="Let callers hear a tone (F126): everybody, or some numbers, always or at some hours. A line pays "
        "for each of its tones once, the first period at once; the same callers at the same hours have one tone"
    )
    async def set_ringback_tone(
        self, info: Info, input: Annotated[SetRingbackToneInput, strawberry.argument(description="Which tone, to whom")]
    ) -> LinePayload:
        hours = None if input.hours is None else TypedHours(input.hours.start, input.hours.end, input.hours.weekdays)
        numbers = [str(number) for number in input.for_numbers or ()]
        form = Form(str(input.idempotency_key), input.line_id, input.tone_id, numbers, hours)
        return line_payload(await ringback.set_tone(info.context, form), input.client_mutation_id)

    @strawberry.mutation(
        description="Take a rule away (F126): a tone that no rule plays any more is not charged again. Who uses the "
        "number may always do so"
    )
    async def remove_ringback_rule(
        self, info: Info, input: Annotated[RemoveRingbackRuleInput, strawberry.argument(description="Which one")]
    ) -> LinePayload:
        return line_payload(await ringback.remove_rule(info.context, input.rule_id), input.client_mutation_id)

    @strawberry.mutation(
        description="Give a tone to another number (F127): one whole period of it, paid by the giver's line at once. "
        "Its user pays nothing, then or later, and callers hear it once they set it"
    )
    async def gift_ringback_tone(
        self, info: Info, input: Annotated[GiftRingbackToneInput, strawberry.argument(description="What, to whom")]
    ) -> SimplePayload:
        form = GiftForm(str(input.idempotency_key), input.from_line_id, input.to_msisdn, input.tone_id)
        return done(await ringback.give(info.context, form), input.client_mutation_id)

    @strawberry.mutation(
        description="Let callers read a few words (F128). The service is charged day by day from now on; other words "
        "cost nothing more"
    )
    async def set_status_message(
        self, info: Info, input: Annotated[SetStatusMessageInput, strawberry.argument(description="Which words")]
    ) -> LinePayload:
        outcome = await ringback.set_message(info.context, input.line_id, input.message)
        return line_payload(outcome, input.client_mutation_id)
