"""Paying into accounts."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from domain import payment_refusals
from domain.money import Money as DomainMoney
from domain.payment import ConfirmationKind, PaymentKind, PaymentMethodKind, PaymentStatus
from domain.refusals import ErrorCode
from execution.once import Once
from resolvers import document
from resolvers import payment as resolved
from resolvers.context import Info
from resolvers.payment import Filter, Form, Quote, Refused
from resolvers.payment_target import Wanted
from schema.audit_log import AuditActor
from schema.document import Document
from schema.line import DateRangeInput, Line, PersonalAccount
from schema.money import Money, MoneyInput
from schema.node import Node, backed_by
from schema.payload import CLIENT_MUTATION_ID, Payload, UserError
from schema.scalars import MSISDN, URL, AccountNumber
from services.payment_row import PaymentRow

IDEMPOTENCY_KEY = "The client's own name of it, such as a UUID: whatever is repeated with it is paid once (E46)"


@strawberry.input(one_of=True, description="Whom a payment is for: exactly one of these")
class PaymentTargetInput:
    line_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="A line that the viewer may pay for"
    )
    personal_account_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="A personal account that the viewer may pay into"
    )
    msisdn: MSISDN | None = strawberry.field(
        default=strawberry.UNSET, description="Anybody's number of this operator (F065)"
    )
    account_number: AccountNumber | None = strawberry.field(
        default=strawberry.UNSET, description="Anybody's personal account, by the number on receipts (F065)"
    )

    guest: str | None = strawberry.field(
        default=strawberry.UNSET, description="What a link for guests ends in (F054); for `topUp` only"
    )

    def wanted(self) -> Wanted:
        """The one that was given, for the resolvers."""
        return Wanted(**{name: value for name, value in vars(self).items() if value is not strawberry.UNSET})


@strawberry.type(description="Several accounts belong to the number: none is guessed, so name one of them (SPEC 4.5)")
class PayeeAmbiguous(UserError):
    is_type_of = backed_by(payment_refusals.PayeeAmbiguous)

    @strawberry.field(graphql_type=list[PersonalAccount], description="Those that the viewer may see, to choose from")
    async def choices(self: Any, info: Info) -> Any:
        found = await asyncio.gather(*map(info.context.loaders.account_by_id.load, self.choices))
        return [account for account in found if account is not None]


@strawberry.type(description="What the payer has to do before the money moves (F073)")
class PaymentConfirmation:
    kind: ConfirmationKind = strawberry.field(description="A code to give to `confirmPayment`, or a page of the bank")
    redirect_url: URL | None = strawberry.field(description="Where to send the payer; null for a code")
    challenge_id: strawberry.ID | None = strawberry.field(
        description="For `confirmPayment`, and for `resendCode`; null for a page"
    )
    expires_at: datetime = strawberry.field(description="When the payment is given up")


# A refund names its payment.
RefundOfPayment = Annotated["Refund", strawberry.lazy("schema.refund")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="Money on its way into an account, or there already")
class Payment(Node):
    kind: PaymentKind = strawberry.field(description="Why it was paid")
    status: PaymentStatus = strawberry.field(description="How far it has come")
    target_masked: str = strawberry.field(
        resolver=lambda root: cast(PaymentRow, root).named, description="For whom, such as ***4501: fit for anybody"
    )
    created_at: datetime = strawberry.field(description="When it was begun")
    completed_at: datetime | None = strawberry.field(description="When the account was credited; null before that")

    is_type_of = backed_by(PaymentRow)

    @strawberry.field(description="What the account is credited with")
    def amount(self: Any) -> Money:
        return cast(Money, DomainMoney(self.amount, self.currency))

    @strawberry.field(description="The operator's own fee, on top of the amount (F074)")
    def fee(self: Any) -> Money:
        return cast(Money, DomainMoney(self.fee, self.currency))

    @strawberry.field(description="What of it was given back (E43)")
    def refunded(self: Any) -> Money:
        return cast(Money, DomainMoney(self.refunded, self.currency))

    @strawberry.field(description="What it was made with")
    def method(self: Any) -> PaymentMethodKind:
        kind: PaymentMethodKind = self.method_kind
        return kind

    @strawberry.field(graphql_type=Line | None, description="The line it is for; null where the viewer may not see it")
    async def line(self: Any, info: Info) -> Any:
        return None if self.line_id is None else await info.context.loaders.line_by_id.load(self.line_id)

    @strawberry.field(
        graphql_type=PersonalAccount | None, description="The account; null where the viewer may not see it"
    )
    async def personal_account(self: Any, info: Info) -> Any:
        return await info.context.loaders.account_by_id.load(self.account_id)

    @strawberry.field(
        graphql_type=AuditActor | None,
        description="Who paid: the viewer, or somebody of a household with the viewer; strangers are not named",
    )
    async def payer(self: Any, info: Info) -> Any:
        return await resolved.payer(info.context, self)

    @strawberry.field(
        graphql_type=list[RefundOfPayment],
        description="What was asked to have back of it, the newest first; for who paid, and nobody else (E43)",
    )
    async def refunds(self: Any, info: Info) -> Any:
        return await resolved.refunds(info.context, self)

    @strawberry.field(description="Whether the viewer paid it")
    def paid_by_viewer(self: Any, info: Info) -> bool:
        viewer = info.context.viewer
        return viewer is not None and bool(self.payer_id == viewer.user_id)

    @strawberry.field(description="What the payer has to do now; null when nothing, and for everybody else")
    def confirmation(self: Any, info: Info) -> PaymentConfirmation | None:
        viewer = info.context.viewer
        waits = self.status is PaymentStatus.AWAITING_CONFIRMATION
        if not waits or viewer is None or self.payer_id != viewer.user_id or self.confirm_by is None:
            return None
        challenge_id = None if self.challenge_id is None else strawberry.ID(str(self.challenge_id))
        return PaymentConfirmation(
            # Whatever the operator asks for, a bank may have its own page in between.
            kind=self.confirmation if self.redirect_url is None else ConfirmationKind.BANK_REDIRECT,
            redirect_url=self.redirect_url,
            challenge_id=challenge_id,
            expires_at=self.confirm_by,
        )

    @strawberry.field(
        graphql_type=Document | None, description="Its receipt, with the account; null until it was credited (F084)"
    )
    def receipt(self: Any, info: Info) -> Any:
        return document.receipt(info.context, self)

    @strawberry.field(
        description="Why it was not made; null where it was, or may still be, and for everybody but who paid"
    )
    def failure(self: Any, info: Info) -> UserError | None:
        viewer = info.context.viewer
        if self.failure is None or viewer is None or self.payer_id != viewer.user_id:
            return None
        message = _FAILED.get(self.failure, "It was not taken; nothing was charged")
        return cast(UserError, payment_refusals.PaymentRejected(self.failure, message))


_FAILED = {
    ErrorCode.PAYMENT_DECLINED: "The bank did not make the payment; nothing was charged",
    ErrorCode.INSUFFICIENT_FUNDS: "The balance had less than that; nothing moved",
    ErrorCode.LIMIT_EXCEEDED: "A limit of the line stood against it; nothing moved",
    ErrorCode.CARD_NOT_ACCEPTED: "This operator does not take this card; nothing was charged",
    ErrorCode.CARD_TOO_FREQUENT: "This card had just paid; nothing was charged",
    ErrorCode.PAYMENT_RESTRICTED: "This payment cannot be taken; nothing was charged",
}


@strawberry.type(description="What a payment would cost, or why it is not taken")
class PaymentQuote:
    accepted: bool = strawberry.field(description="Whether it would be taken now")
    target_masked: str | None = strawberry.field(
        description="For whom, such as ***4501, for the payer to compare (E43); null where that is not clear"
    )
    fee: Money | None = strawberry.field(description="The operator's own fee (F074); null for an amount that is none")
    total: Money | None = strawberry.field(description="Amount and fee together")
    bank_may_charge: bool = strawberry.field(description="Whether the payer is to be told that the bank may charge too")
    next_allowed_at: datetime | None = strawberry.field(description="From when on it would be taken, if that is known")
    user_errors: list[UserError] = strawberry.field(description="Everything that stands against it; empty if nothing")


@strawberry.input(description="A payment to be made")
class TopUpInput:
    idempotency_key: strawberry.ID = strawberry.field(description=IDEMPOTENCY_KEY)
    target: PaymentTargetInput = strawberry.field(description="For whom")
    amount: MoneyInput = strawberry.field(description="What the account is to be credited with")
    method: PaymentMethodKind = strawberry.field(description="With what: one of the operator's")
    payment_method_id: strawberry.ID | None = strawberry.field(
        default=None, description="A kept means of payment, of `viewer.paymentMethods`"
    )
    token: str | None = strawberry.field(
        default=None, description="What the bank's form made of a card: never its number or code"
    )
    receipt_email: str | None = strawberry.field(default=None, description="Where the receipt goes (F075)")
    accept_terms: bool = strawberry.field(default=False, description="Whether the payer accepts the terms (F075)")
    save_method: bool = strawberry.field(default=False, description="Whether the bank is to keep the card (F079)")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A code that was sent for a payment")
class ConfirmPaymentInput:
    challenge_id: strawberry.ID = strawberry.field(description="Of the payment's `confirmation`")
    code: str = strawberry.field(description="The digits of the message")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A payment that is to be given up")
class CancelPaymentInput:
    payment_id: strawberry.ID = strawberry.field(description="One that waits for its payer's confirmation")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Which payments of a history; all that match everything that is given")
class PaymentFilter:
    period: DateRangeInput | None = strawberry.field(default=None, description="Begun on these days")
    status: list[PaymentStatus] | None = strawberry.field(default=None, description="In one of these states")
    kinds: list[PaymentKind] | None = strawberry.field(default=None, description="Of one of these kinds")
    line_id: strawberry.ID | None = strawberry.field(default=None, description="For this line")
    personal_account_id: strawberry.ID | None = strawberry.field(default=None, description="Into this account")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="The one that the viewer began with this key: a bank's page brings it back"
    )

    def wanted(self) -> Filter:
        """The filter, for the resolvers."""
        days = (self.period.first, self.period.last) if self.period else None
        accounts = self.line_id, self.personal_account_id
        return Filter(days, self.status, self.kinds, *accounts, self.idempotency_key)


@strawberry.type(description="A payment, or why there is none")
class TopUpPayload(Payload):
    payment: Payment | None = strawberry.field(description="The payment, as far as it has come")


@strawberry.type
class PaymentQuery:
    # Who guesses at somebody's number or at a guest's link is counted.
    @strawberry.field(
        extensions=[Once()], description="What a payment would cost, before anything is begun (F066–F074)"
    )
    async def payment_quote(
        self,
        info: Info,
        target: Annotated[PaymentTargetInput, strawberry.argument(description="For whom")],
        amount: Annotated[MoneyInput, strawberry.argument(description="How much")],
        method: Annotated[PaymentMethodKind | None, strawberry.argument(description="With what")] = None,
    ) -> PaymentQuote:
        quote = await resolved.quote(info.context, target.wanted(), str(amount.amount), amount.currency, method)
        return _quoted(quote)


@strawberry.type
class PaymentMutation:
    @strawberry.mutation(description="Pay into an account, one's own or anybody's (F064, F065)")
    async def top_up(
        self, info: Info, input: Annotated[TopUpInput, strawberry.argument(description="What to pay, and how")]
    ) -> TopUpPayload:
        form = Form(
            key=input.idempotency_key,
            target=input.target.wanted(),
            amount=str(input.amount.amount),
            currency=input.amount.currency,
            kind=input.method,
            method_id=input.payment_method_id,
            token=input.token,
            receipt_email=input.receipt_email,
            accept_terms=input.accept_terms,
            save_method=input.save_method,
        )
        return paid(await resolved.top_up(info.context, form), input.client_mutation_id)

    @strawberry.mutation(description="Confirm a payment by the code that was sent (F073)")
    async def confirm_payment(
        self, info: Info, input: Annotated[ConfirmPaymentInput, strawberry.argument(description="Which code")]
    ) -> TopUpPayload:
        outcome = await resolved.confirm(info.context, input.challenge_id, input.code)
        return paid(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Give up a payment that waits for its payer")
    async def cancel_payment(
        self, info: Info, input: Annotated[CancelPaymentInput, strawberry.argument(description="Which one")]
    ) -> TopUpPayload:
        return paid(await resolved.cancel(info.context, input.payment_id), input.client_mutation_id)


@strawberry.type
class PaymentSubscription:
    @strawberry.subscription(
        graphql_type=Payment, description="A payment: at once, and whenever it goes on, until it may not be seen"
    )
    def payment_updated(
        self, info: Info, payment_id: Annotated[strawberry.ID, strawberry.argument(description="Which one")]
    ) -> AsyncGenerator[PaymentRow, None]:
        return resolved.payment_updated(info.context, payment_id)


def paid(outcome: PaymentRow | Refused, client_mutation_id: str | None) -> TopUpPayload:
    """The payload of everything that pays."""
    payment = outcome if isinstance(outcome, PaymentRow) else None
    return TopUpPayload(
        client_mutation_id=client_mutation_id,
        user_errors=[] if isinstance(outcome, PaymentRow) else [cast(UserError, outcome)],
        payment=cast(Any, payment),
    )


def _quoted(quote: Quote) -> PaymentQuote:
    total = quote.amount + quote.fee if quote.amount is not None and quote.fee is not None else None
    soonest = [when for refusal in quote.refusals if (when := getattr(refusal, "next_allowed_at", None))]
    return PaymentQuote(
        accepted=not quote.refusals,
        target_masked=quote.named,
        fee=cast(Any, quote.fee),
        total=cast(Any, total),
        bank_may_charge=quote.bank_may_charge,
        next_allowed_at=max(soonest, default=None),
        user_errors=cast(list[UserError], quote.refusals),
    )
