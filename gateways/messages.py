"""What leaves for people, and what the gateways tell of it. The port that the worker delivers through."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from domain.challenge import DeliveryStatus


@dataclass(frozen=True, slots=True)
class Attachment:
    """A PDF that goes with an e-mail."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person; `code` is the one-time code in `text`, if there is one.

    `channel` is a word of `domain.challenge.ChallengeChannel`. `reference` is our opaque name of the message, the same
    at every try, by which a gateway can tell a repetition. `subject`, `link` and `attachment` are of e-mail only. What
    is private is not in the repr, which ends up in logs and traces.
    """

    operator: str
    channel: str
    reference: str
    to: str = field(repr=False)
    text: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    subject: str | None = None
    link: str | None = field(default=None, repr=False)
    attachment: Attachment | None = field(default=None, repr=False)


class Sent(NamedTuple):
    """What is known of a message that was taken: the gateway's name for it, and how far it has come."""

    gateway_id: str | None
    delivery: DeliveryStatus


class Receipt(NamedTuple):
    """What a gateway tells later of a message that it named `gateway_id`."""

    gateway_id: str
    delivery: DeliveryStatus


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message that a person sent to a number of ours, such as `1070`; `sender` is a number in digits."""

    sender: str = field(repr=False)
    to: str
    text: str = field(repr=False)


# Whatever a handler raises, the gateway is told to come again later.
ReceiptHandler = Callable[[Receipt], Awaitable[None]]
InboundHandler = Callable[[Inbound], Awaitable[None]]


class MessageGateway(Protocol):
    """Sends messages.

    Raises MessageRefused when the message will never be taken, and anything else when it is not known that it was
    taken: then it is sent again.
    """

    async def send(self, message: Message) -> Sent: ...


class SendFailed(Exception):
    """Why a message was not sent. The text names no person and quotes no message: it is stored and logged."""


class MessageRefused(SendFailed):
    """This message is not accepted, and would not be another time."""


class GatewayUnavailable(SendFailed):
    """The gateway does not answer, or not as agreed; the message is sent again later."""


class GatewayBusy(GatewayUnavailable):
    """The gateway asks for patience: too many messages at once."""


class NoGateway(SendFailed):
    """There is nothing to send with; the message stays in the outbox."""


class UnconfiguredGateway:
    """Stands where an operator's gateway is to be configured: nothing is sent, and nothing is lost."""

    async def send(self, message: Message) -> Sent:
        raise NoGateway(f"no gateway for {message.channel} is configured")
