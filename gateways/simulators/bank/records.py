"""What the bank simulator keeps: means of payment, payments, refunds, and what is still to be told of them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from domain.money import Money
from domain.payment import CardScheme, DeclineReason, PaymentMethodKind
from gateways.payments import MethodDetails

# What a test describes is read strictly: a misspelt behaviour would be none, and a card's number has no place.
_STRICT = ConfigDict(extra="forbid")


class State(StrEnum):
    """How far a payment or a refund is. The last two are final; a refund is DONE where a payment is CHARGED."""

    AWAITING_PAYER = "AWAITING_PAYER"
    PENDING = "PENDING"
    HELD = "HELD"
    CHARGED = "CHARGED"
    DONE = "DONE"
    DECLINED = "DECLINED"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the bank treats a payment; the default is a bank as one wishes for.

    Whatever the answer to a request suffers, the thing itself is done: with `answer_after` the answer comes so many
    seconds later, with `lose_answer` never. `fail` is the opposite: an error, and nothing done. Only the first
    request for a payment meets these three. `settle_after` leaves the payment PENDING for so many seconds. `confirm`
    sends the payer to the bank's page unasked. Notifications come in `copies` (0: none), `notify_after` seconds late.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    decline: DeclineReason | None = None
    answer_after: float = 0.0
    lose_answer: bool = False
    fail: bool = False
    settle_after: float = 0.0
    confirm: bool = False
    copies: int = 1
    notify_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Card:
    """A means of payment that the bank gave out a token for; not only cards. There is no number: nobody needs one."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    title: str
    kind: PaymentMethodKind = PaymentMethodKind.CARD
    scheme: CardScheme | None = None
    last_four: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = None
    expires_year: int | None = None
    expires_month: int | None = None
    issuer_country: str | None = None
    fingerprint: str | None = None
    behaviour: Behaviour = Behaviour()

    @property
    def details(self) -> MethodDetails:
        """What whoever has the token may know."""
        return MethodDetails(
            kind=self.kind,
            scheme=self.scheme,
            last_four=self.last_four,
            expires_year=self.expires_year,
            expires_month=self.expires_month,
            issuer_country=self.issuer_country,
            fingerprint=self.fingerprint,
        )


@dataclass(frozen=True, slots=True)
class Order:
    """What a shop asks to be paid: by `token`, by `saved`, or by something of `kind` that the payer gives here."""

    key: str
    amount: Money
    description: str
    token: str | None = None
    saved: str | None = None
    kind: PaymentMethodKind = PaymentMethodKind.CARD
    return_url: str | None = None
    always_confirm: bool = False
    hold: bool = False
    save_method: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as it stands; `refunded` is in minor units of its amount's currency."""

    id: str
    order: Order
    state: State
    amount: Money
    behaviour: Behaviour
    card: Card | None = None
    saved: str | None = None
    reason: DeclineReason | None = None
    refunded: int = 0
    settles_at: float | None = None


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What a shop asks to be given back of the payment with that key."""

    key: str
    payment: str
    amount: Money


@dataclass(frozen=True, slots=True)
class BankRefund:
    """A refund as it stands."""

    id: str
    order: RefundOrder
    state: State
    reason: DeclineReason | None = None
    settles_at: float | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something to be told to the shop: the body as it was then, at `due_at`, in so many more copies."""

    id: str
    body: str
    due_at: float
    copies: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What changed at once, and one line of the journal: all of it is kept, or none."""

    at: float
    tokens: dict[str, Card] = field(default_factory=dict)
    saved: dict[str, Card] = field(default_factory=dict)
    payments: list[Payment] = field(default_factory=list)
    refunds: list[BankRefund] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    everybody: Behaviour | None = None
