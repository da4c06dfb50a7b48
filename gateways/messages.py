"""What leaves for people: SMS and, later, e-mail. The port that the worker delivers through."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person; `code` is the one-time code in `text`, if there is one."""

    operator: str
    channel: str
    to: str
    text: str
    code: str | None


class MessageGateway(Protocol):
    """Sends messages. Raises when it is not known that the message was taken: then it is sent again."""

    async def send(self, message: Message) -> None: ...


class NoGateway(Exception):
    """There is nothing to send with; the message stays in the outbox."""


class UnconfiguredGateway:
    """Stands where an operator's SMS gateway is to be configured: nothing is sent, and nothing is lost."""

    async def send(self, message: Message) -> None:
        raise NoGateway(f"no gateway for {message.channel} is configured")
