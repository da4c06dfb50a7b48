"""Who moves money from outside: the port to a payment provider (F064–F080, DESIGN 2).

Every payment and refund has a key, which is our own id of it, and repeating a call with its key is harmless: the
provider does the thing once, and tells what became of it each time. A card's number and code never come here. The
front end gives them to the provider, and us a token.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.money import Money
from domain.payment import CardScheme, DeclineReason, PaymentMethodKind


@dataclass(frozen=True, slots=True)
class Token:
    """A means of payment that was just given to the provider by the payer's own browser; for one payment."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Saved:
    """A means of payment that the provider keeps for us, by the provider's name for it."""

    reference: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChosenThere:
    """A means of payment of this kind, which the payer gives on the provider's own page."""

    kind: PaymentMethodKind


Method = Token | Saved | ChosenThere


@dataclass(frozen=True, slots=True)
class MethodDetails:
    """What a provider tells of a means of payment.

    `scheme` is None for what is no card, and for a card of a scheme that no operator takes. `expires_year` has four
    digits. `issuer_country` is ISO 3166-1 alpha-2. `fingerprint` is the same for the same card, whoever pays with it.
    """

    kind: PaymentMethodKind
    scheme: CardScheme | None = None
    last_four: str | None = field(default=None, repr=False)
    expires_year: int | None = field(default=None, repr=False)
    expires_month: int | None = field(default=None, repr=False)
    issuer_country: str | None = None
    fingerprint: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment to be made.

    `created_at` is when we resolved to make it; a repetition has the same. With `return_url` the provider may have the
    payer confirm on its page, and with `always_confirm` it does; a payment by `ChosenThere` needs one. With `hold` the
    money is only set aside, until `capture` or `cancel`. `save_method` asks the provider to keep the means of payment,
    which takes the payer's consent. `description` is shown to the payer.
    """

    key: str
    amount: Money
    method: Method
    created_at: datetime
    description: str
    return_url: str | None = field(default=None, repr=False)
    always_confirm: bool = False
    hold: bool = False
    save_method: bool = False


@dataclass(frozen=True, slots=True)
class PaymentRef:
    """A payment that was charged for, or perhaps was. `provider_id` is known once any outcome named it."""

    key: str
    created_at: datetime
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money to be given back of a payment that was charged; the refunds of one payment may be several."""

    key: str
    payment: PaymentRef
    amount: Money
    created_at: datetime
    description: str


@dataclass(frozen=True, slots=True)
class NewMethod:
    """A means of payment to be kept without a payment. `return_url` is for a provider that asks the payer."""

    key: str
    token: str | None = field(repr=False)
    return_url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Charged:
    """The money moved, `amount` of it. `saved` is the provider's name for the means of payment, where it is kept."""

    provider_id: str
    amount: Money
    method: MethodDetails | None
    saved: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """The money is set aside, and waits for `capture` or `cancel`."""

    provider_id: str
    amount: Money
    method: MethodDetails | None
    saved: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Declined:
    """No money moved, and none will under this key. `provider_id` is None where no payment came into being."""

    reason: DeclineReason
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class AwaitingPayer:
    """The payer is to go to `url` and confirm there."""

    provider_id: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """The provider has the payment, and does not know yet."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class NotKnown:
    """The provider knows no payment of this key: it is charged for again, with the same key."""


KnownOutcome = Charged | Held | Declined | AwaitingPayer | Pending
PaymentOutcome = KnownOutcome | NotKnown


@dataclass(frozen=True, slots=True)
class Refunded:
    """The money went back, `amount` of it."""

    provider_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundPending:
    """The provider has the refund, and does not know yet."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class RefundDeclined:
    """Nothing went back, and nothing will under this key."""

    reason: DeclineReason
    provider_id: str | None = None


RefundOutcome = Refunded | RefundPending | RefundDeclined


@dataclass(frozen=True, slots=True)
class MethodSaved:
    """The means of payment is kept as `reference`."""

    reference: str = field(repr=False)
    method: MethodDetails


@dataclass(frozen=True, slots=True)
class Notification:
    """What a provider told of its own accord, and what is known to be true.

    `id` is the same when it tells the same again. `key` is that of the payment or of the refund that `outcome` is of.
    """

    id: str
    key: str
    outcome: KnownOutcome | RefundOutcome


class ProviderFailed(Exception):
    """It is not known whether the thing was done. The text names no person and quotes no token: it is logged.

    Nothing may be declined on it. `query` tells later, and so does the same call with the same key.
    """


class ProviderUnavailable(ProviderFailed):
    """The provider does not answer, or not as agreed."""


class ProviderBusy(ProviderUnavailable):
    """The provider asks for patience: too many requests at once."""


class ProviderMisconfigured(ProviderFailed):
    """The provider does not accept our key or our request, which somebody has to put right."""


class NoProvider(ProviderFailed):
    """There is nobody to pay through; nothing was done."""


class PaymentProvider(Protocol):
    """Moves money. Raises ProviderFailed wherever an outcome is not known, and never for one that is.

    `name` is what its notifications are posted to: /gateway/payments/<name>.
    """

    @property
    def name(self) -> str: ...

    async def charge(self, charge: Charge) -> KnownOutcome:
        """Make a payment, or tell what became of it if it was made before."""

    async def query(self, payment: PaymentRef) -> PaymentOutcome:
        """What became of a payment; changes nothing."""

    async def capture(self, payment: PaymentRef, amount: Money) -> PaymentOutcome:
        """Take the money that was held: all of it, or less."""

    async def cancel(self, payment: PaymentRef) -> PaymentOutcome:
        """Give up a payment that was held or waits for its payer, where the provider can: the outcome tells."""

    async def refund(self, refund: Refund) -> RefundOutcome:
        """Give money back, or tell what became of it if that was asked before."""

    async def method_details(self, method: Token | Saved) -> MethodDetails | None:
        """What is known of a means of payment before anybody pays with it.

        None where the provider does not tell, or no longer has it. Of a token that a provider tells nothing of, a
        charge with `hold` tells.
        """

    async def save_method(self, method: NewMethod) -> MethodSaved | AwaitingPayer | Declined:
        """Keep a means of payment. After AwaitingPayer its `provider_id` is the reference, once it has details."""

    async def read_notification(
        self, body: bytes, headers: Mapping[str, str], *, peer: str, now: float
    ) -> Notification | None:
        """What a posted body tells, or None if it is nothing of ours.

        `headers` have lower-case names, `peer` is the address that it came from, `now` is in Unix seconds. Raises
        gateways.signature.PostRejected for what is forged, damaged or stale, which must get no 2xx, and ProviderFailed
        when it cannot be told: it is to be posted again.
        """


class UnconfiguredProvider:
    """Stands where a provider is to be configured: nothing is paid, and nothing is lost."""

    name = "none"

    async def charge(self, charge: Charge) -> KnownOutcome:
        raise NoProvider(_NOBODY)

    async def query(self, payment: PaymentRef) -> PaymentOutcome:
        raise NoProvider(_NOBODY)

    async def capture(self, payment: PaymentRef, amount: Money) -> PaymentOutcome:
        raise NoProvider(_NOBODY)

    async def cancel(self, payment: PaymentRef) -> PaymentOutcome:
        raise NoProvider(_NOBODY)

    async def refund(self, refund: Refund) -> RefundOutcome:
        raise NoProvider(_NOBODY)

    async def method_details(self, method: Token | Saved) -> MethodDetails | None:
        raise NoProvider(_NOBODY)

    async def save_method(self, method: NewMethod) -> MethodSaved | AwaitingPayer | Declined:
        raise NoProvider(_NOBODY)

    async def read_notification(
        self, body: bytes, headers: Mapping[str, str], *, peer: str, now: float
    ) -> Notification | None:
        raise NoProvider(_NOBODY)


_NOBODY = "no payment provider is configured"
