"""The tariff of a line: what it is, and changing it (2.G)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, cast

import strawberry

from domain import tariff_refusals
from domain.line import LineStatus
from domain.quote_refusals import Quoted
from domain.usage import UsageUnit
from execution.batched import Load
from loaders import tariff_subscription_by_line_id
from loaders.tariff_before_by_line_id import TariffBefore
from resolvers import tariff
from resolvers.context import Info
from schema.catalogue import Tariff, TariffAllowance
from schema.line_payload import LinePayload, line_payload
from schema.money import Money
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID, UserError, errors
from schema.quote import PriceQuote, QuotePayload

_KEY = "The client's own name of this change: the same again changes nothing"


@strawberry.type(description="The tariff of a line now (F101)")
class TariffSubscription:
    tariff: Tariff = strawberry.field(description="Which tariff")
    since: datetime = strawberry.field(description="Since when")
    next_charge_at: datetime | None = strawberry.field(description="When its fee is charged next")
    configuration: list[TariffAllowance] | None = strawberry.field(
        description="How much was chosen of each unit that can be chosen; null where nothing can (F104)"
    )
    pending_change: TariffSubscription | None = strawberry.field(
        description="What the next period begins with, since its first moment; null: it goes on as it is (F106)"
    )

    @strawberry.field(
        graphql_type=Tariff | None,
        description="The tariff before, where the last change can be taken back; null also for an archived one (E50)",
    )
    def can_revert_to(
        parent: strawberry.Parent[tariff_subscription_by_line_id.TariffSubscription], info: Info
    ) -> Load[Any] | None:
        return _before(parent, info, lambda before: before.tariff)

    @strawberry.field(
        graphql_type=datetime | None,
        description="Up to when it can: the end of the period that was paid for before the change",
    )
    def revert_until(
        parent: strawberry.Parent[tariff_subscription_by_line_id.TariffSubscription], info: Info
    ) -> Load[Any] | None:
        return _before(parent, info, lambda before: before.until)

    is_type_of = backed_by(tariff_subscription_by_line_id.TariffSubscription)


def _before(
    now: tariff_subscription_by_line_id.TariffSubscription, info: Info, told: Callable[[TariffBefore], Any]
) -> Load[Any] | None:
    """What is told of the tariff before; nothing of a change that waits."""
    if now.line_id is None:
        return None
    loader = info.context.loaders.tariff_before_by_line_id
    return Load(loader, now.line_id, lambda before: None if before is None else told(before))


@strawberry.type(description="The tariff is archived, of another kind, or not sold where the line is (E50)")
class TariffNotAvailable(UserError):
    is_type_of = backed_by(tariff_refusals.TariffNotAvailable)


@strawberry.type(description="The line has exactly this tariff already")
class TariffUnchanged(UserError):
    is_type_of = backed_by(tariff_refusals.TariffUnchanged)


@strawberry.type(description="A change of the tariff waits for the next period: `cancelTariffChange` comes first")
class TariffChangeAwaited(UserError):
    is_type_of = backed_by(tariff_refusals.TariffChangeAwaited)


@strawberry.type(description="No change of the tariff waits for the next period")
class NoTariffChangeAwaited(UserError):
    is_type_of = backed_by(tariff_refusals.NoTariffChangeAwaited)


@strawberry.type(description="Nothing is left of the tariff before that could be had back (F108)")
class TariffNotReverted(UserError):
    is_type_of = backed_by(tariff_refusals.TariffNotReverted)


@strawberry.type(description="The account does not hold what the change costs now; nothing was changed")
class TariffUnpaid(UserError):
    price: Money = strawberry.field(description="What is due now")
    available: Money = strawberry.field(description="What the account can spend, credit included")

    is_type_of = backed_by(tariff_refusals.TariffUnpaid)


@strawberry.type(description="The line is blocked or suspended, or has ended")
class LineNotInService(UserError):
    status: LineStatus = strawberry.field(description="Why")

    is_type_of = backed_by(tariff_refusals.LineNotInService)


TARIFF_ERRORS = (
    TariffNotAvailable,
    TariffUnchanged,
    TariffChangeAwaited,
    NoTariffChangeAwaited,
    TariffNotReverted,
    TariffUnpaid,
    LineNotInService,
)


@strawberry.input(description="How much of a unit is chosen: one of the values that the tariff offers (F104)")
class TariffOptionInput:
    unit: UsageUnit = strawberry.field(description="Of what")
    value: Decimal = strawberry.field(description="How much, in the unit; data in bytes")


@strawberry.input(description="Which change is to be priced")
class QuoteTariffChangeInput:
    line_id: strawberry.ID = strawberry.field(description="Whose tariff")
    tariff_id: strawberry.ID = strawberry.field(description="Which tariff; the line's own, to choose otherwise of it")
    options: list[TariffOptionInput] | None = strawberry.field(
        default=None, description="What is chosen of it; of a unit that is not named, the smallest"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Which tariff a line is to have, at the price of a quote")
class ChangeTariffInput:
    idempotency_key: strawberry.ID = strawberry.field(description=_KEY)
    line_id: strawberry.ID = strawberry.field(description="Whose tariff")
    tariff_id: strawberry.ID = strawberry.field(description="Which tariff")
    quote_token: str = strawberry.field(description="Of `quoteTariffChange`, which also knows what was chosen")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="How a line's own tariff is to be put together, at the price of a quote")
class ConfigureTariffInput:
    idempotency_key: strawberry.ID = strawberry.field(description=_KEY)
    line_id: strawberry.ID = strawberry.field(description="Whose tariff")
    options: list[TariffOptionInput] = strawberry.field(description="What is chosen; as in the quote")
    quote_token: str = strawberry.field(description="Of `quoteTariffChange` to the line's own tariff")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Whose change of tariff is not to take place")
class CancelTariffChangeInput:
    idempotency_key: strawberry.ID = strawberry.field(description=_KEY)
    line_id: strawberry.ID = strawberry.field(description="Whose tariff")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Which change of tariff is to be taken back")
class RevertTariffInput:
    idempotency_key: strawberry.ID = strawberry.field(description=_KEY)
    line_id: strawberry.ID = strawberry.field(description="Whose tariff")
    history_entry_id: strawberry.ID | None = strawberry.field(
        default=None, description="The entry of `tariffHistory`, which goes with all that came after it; null: the last"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class TariffMutation:
    @strawberry.mutation(
        description="The exact price of another tariff, or of the same put together otherwise (N7). At once a new "
        "period begins at its full fee; with the next period only the connection is paid for now"
    )
    async def quote_tariff_change(
        self, info: Info, input: Annotated[QuoteTariffChangeInput, strawberry.argument(description="Which change")]
    ) -> QuotePayload:
        outcome = await tariff.quote(info.context, input.line_id, input.tariff_id, _options(input.options or []))
        found = outcome if isinstance(outcome, Quoted) else None
        return QuotePayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=errors(None if found is not None else outcome),
            quote=cast(PriceQuote | None, found),
        )

    @strawberry.mutation(
        description="Change the tariff at the price that was quoted, for whoever has the scope TARIFF (F106). For a "
        "child, the owner of the household is asked; over another adult's line it needs a fresh proof"
    )
    async def change_tariff(
        self, info: Info, input: Annotated[ChangeTariffInput, strawberry.argument(description="Which change")]
    ) -> LinePayload:
        form = tariff.Form(input.idempotency_key, input.line_id, input.tariff_id, None, input.quote_token)
        return line_payload(await tariff.change(info.context, form), input.client_mutation_id)

    @strawberry.mutation(description="Choose otherwise how much the line's own tariff includes (F104)")
    async def configure_tariff(
        self, info: Info, input: Annotated[ConfigureTariffInput, strawberry.argument(description="What is chosen")]
    ) -> LinePayload:
        chosen = _options(input.options)
        form = tariff.Form(input.idempotency_key, input.line_id, None, chosen, input.quote_token)
        return line_payload(await tariff.change(info.context, form), input.client_mutation_id)

    @strawberry.mutation(
        description="Cancel a change that waits for the next period; what was paid for it is given back"
    )
    async def cancel_tariff_change(
        self, info: Info, input: Annotated[CancelTariffChangeInput, strawberry.argument(description="Which line")]
    ) -> LinePayload:
        outcome = await tariff.cancel(info.context, input.idempotency_key, input.line_id)
        return line_payload(outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Take a change back while the tariff before is paid for: it goes on as it was left, and no money "
        "moves (F108)"
    )
    async def revert_tariff(
        self, info: Info, input: Annotated[RevertTariffInput, strawberry.argument(description="Which change")]
    ) -> LinePayload:
        entry = input.history_entry_id
        outcome = await tariff.revert(info.context, input.idempotency_key, input.line_id, entry)
        return line_payload(outcome, input.client_mutation_id)


def _options(chosen: list[TariffOptionInput]) -> list[tuple[UsageUnit, str]]:
    return [(each.unit, str(each.value)) for each in chosen]
