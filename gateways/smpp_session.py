"""One connection to an SMS centre, from bind to unbind: requests are paired with their answers, in a window."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import structlog

from gateways.messages import GatewayBusy, GatewayUnavailable, MessageRefused
from gateways.smpp_pdu import (
    MAX_SEQUENCE,
    Command,
    MalformedPdu,
    Pdu,
    ShortMessage,
    Status,
    decode_message_id,
    encode_bind,
    encode_message_id,
    read_pdu,
    status_text,
)

# What a centre may have unanswered with us; the rest is told to come again.
_MAX_DELIVERIES = 100
_BUSY = {Status.THROTTLED, Status.QUEUE_FULL}
# What is wrong with a message and not with us or with the moment.
_REFUSED = {
    Status.INVALID_MESSAGE_LENGTH,
    Status.INVALID_DESTINATION,
    Status.INVALID_DESTINATION_TON,
    Status.INVALID_DESTINATION_NPI,
    Status.PERMANENT_ERROR,
}
_BIND_REFUSED = {
    Status.ALREADY_BOUND,
    Status.BIND_FAILED,
    Status.INVALID_PASSWORD,
    Status.INVALID_SYSTEM_ID,
}

_log = structlog.get_logger()

# Takes what the centre delivers. After MalformedPdu and Unwanted it is refused, after anything else postponed.
DeliverHandler = Callable[[ShortMessage], Awaitable[None]]


class Unwanted(Exception):
    """What was delivered is of no use here, and would not be another time."""


class BindRefused(GatewayUnavailable):
    """The centre does not let us in; only other settings, or its operator, can change that."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to wait, in seconds, and how many messages may be unanswered at once."""

    connect: float = 3.0
    # Less than the worker gives a message, so that the reason is known.
    response: float = 4.0
    silence: float = 30.0
    unbind: float = 1.0
    first_pause: float = 1.0
    longest_pause: float = 60.0
    window: int = 10


class Session:
    """One bound connection. `serve` must be running for anything to be answered."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deliver: DeliverHandler, timing: Timing
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._deliver = deliver
        self._timing = timing
        self._window = asyncio.Semaphore(timing.window)
        self._sequence = 0
        self._waiting: dict[int, asyncio.Future[Pdu]] = {}
        self._deliveries: set[asyncio.Task[None]] = set()
        self._heard_at = 0.0

    async def bind(self, system_id: str, password: str) -> None:
        """Raises BindRefused, or GatewayUnavailable."""
        answer = await self._request(Command.BIND_TRANSCEIVER, encode_bind(system_id, password))
        if answer.status in _BIND_REFUSED:
            raise BindRefused(f"the SMS centre refuses the bind: {status_text(answer.status)}")
        if answer.status != Status.OK:
            raise GatewayUnavailable(f"the SMS centre does not bind: {status_text(answer.status)}")

    async def submit(self, message: ShortMessage) -> str | None:
        """Hand over one short message; gives the centre's name for it.

        Raises MessageRefused, GatewayBusy, or GatewayUnavailable.
        """
        body = message.encode()
        async with self._window:
            answer = await self._request(Command.SUBMIT_SM, body)
        if answer.status == Status.OK:
            return _message_id(answer)
        reason = f"the SMS centre answers {status_text(answer.status)}"
        if answer.status in _REFUSED:
            raise MessageRefused(reason)
        raise GatewayBusy(reason) if answer.status in _BUSY else GatewayUnavailable(reason)

    async def unbind(self) -> None:
        """Take leave; a centre that does not answer is left all the same."""
        with suppress(GatewayUnavailable, TimeoutError):
            async with asyncio.timeout(self._timing.unbind):
                await self._request(Command.UNBIND)

    async def serve(self) -> NoReturn:
        """Read until the connection ends, then close it. Raises GatewayUnavailable with the reason."""
        alive = asyncio.create_task(self._keep_alive())
        reason = "the connection to the SMS centre is closed"
        try:
            await self._read()
        except MalformedPdu as error:
            # Nobody knows where the next PDU begins.
            reason = f"the SMS centre does not speak SMPP 3.4: {error}"
            self._write(Pdu(Command.GENERIC_NACK, 0, Status.INVALID_COMMAND_LENGTH))
        except OSError as error:
            reason = f"the connection to the SMS centre is lost: {type(error).__name__}"
        finally:
            alive.cancel()
            for delivery in self._deliveries:
                delivery.cancel()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(GatewayUnavailable(reason))
            self._writer.close()
        raise GatewayUnavailable(reason)

    async def _read(self) -> None:
        while pdu := await read_pdu(self._reader):
            self._heard_at = asyncio.get_running_loop().time()
            if pdu.is_response:
                self._answered(pdu)
            elif pdu.command == Command.DELIVER_SM:
                self._accept(pdu)
            elif pdu.command == Command.ENQUIRE_LINK:
                self._write(pdu.answer())
            elif pdu.command == Command.UNBIND:
                self._write(pdu.answer())
                return
            elif pdu.command != Command.ALERT_NOTIFICATION:  # the one request that has no answer
                self._write(Pdu(Command.GENERIC_NACK, pdu.sequence, Status.INVALID_COMMAND))

    async def _keep_alive(self) -> None:
        """Ask whether anybody is there whenever it has been silent; hang up on who is not."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._timing.silence)
            if loop.time() - self._heard_at < self._timing.silence:
                continue
            try:
                await self._request(Command.ENQUIRE_LINK)
            except GatewayUnavailable:
                self._writer.transport.abort()
                return

    async def _request(self, command: Command, body: bytes = b"") -> Pdu:
        """Send a request and wait for its answer, whatever it says. Raises GatewayUnavailable."""
        if self._writer.is_closing():
            raise GatewayUnavailable("the connection to the SMS centre is closed")
        self._sequence = self._sequence % MAX_SEQUENCE + 1
        sequence = self._sequence
        waiting: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = waiting
        try:
            async with asyncio.timeout(self._timing.response):
                self._write(Pdu(command, sequence, Status.OK, body))
                await self._writer.drain()
                return await waiting
        except TimeoutError:
            raise GatewayUnavailable(f"the SMS centre does not answer {command.name.lower()}") from None
        except OSError as error:
            raise GatewayUnavailable(f"the connection to the SMS centre is lost: {type(error).__name__}") from error
        finally:
            del self._waiting[sequence]

    def _answered(self, pdu: Pdu) -> None:
        # An answer that nobody waits for any more came too late.
        waiting = self._waiting.get(pdu.sequence)
        if waiting is not None and not waiting.done():
            waiting.set_result(pdu)

    def _accept(self, pdu: Pdu) -> None:
        if len(self._deliveries) >= _MAX_DELIVERIES:
            self._write(_delivered(pdu, Status.TEMPORARY_ERROR))
            return
        task = asyncio.create_task(self._handle(pdu))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _handle(self, pdu: Pdu) -> None:
        """What was delivered is acknowledged once it is dealt with: until then the centre keeps it."""
        status = Status.OK
        try:
            await self._deliver(ShortMessage.decode(pdu.body))
        except (MalformedPdu, Unwanted) as error:
            _log.warning("what an SMS centre delivered is refused", reason=str(error))
            status = Status.PERMANENT_ERROR
        except Exception as error:  # whatever it is, the centre is to deliver it again
            _log.warning("what an SMS centre delivered was not dealt with", error=type(error).__name__)
            status = Status.TEMPORARY_ERROR
        self._write(_delivered(pdu, status))

    def _write(self, pdu: Pdu) -> None:
        if not self._writer.is_closing():
            self._writer.write(pdu.encode())


def _delivered(pdu: Pdu, status: Status) -> Pdu:
    return pdu.answer(status, encode_message_id(""))


def _message_id(answer: Pdu) -> str | None:
    try:
        return decode_message_id(answer.body)
    except MalformedPdu:
        # The message is taken: raising would send it again. Only its receipt will not be found.
        _log.warning("an SMS centre names a message in a way that cannot be read")
        return None
