"""SMS by SMPP 3.4: one transceiver connection to an SMS centre, kept for as long as the gateway is open."""

import asyncio
import hashlib
import re
from contextlib import suppress
from types import TracebackType

import structlog

from domain.challenge import DeliveryStatus
from gateways.accounts import SmppAccount
from gateways.messages import (
    GatewayUnavailable,
    Inbound,
    InboundHandler,
    Message,
    MessageRefused,
    ReceiptHandler,
    Sent,
)
from gateways.smpp_pdu import Address, ShortMessage
from gateways.smpp_session import BindRefused, Session, Timing, Unwanted
from gateways.smpp_text import Part, TooLong, decode_receipt, decode_text, is_receipt, parts

# Of the last part only: a receipt names one short message, and the outbox remembers one name.
_RECEIPT_WANTED = 1
_NUMBER = re.compile(r"\+?([0-9]{5,15})")

_log = structlog.get_logger()


class SmppGateway:
    """Sends SMS through an SMS centre: `async with SmppGateway(account, receipts, inbound) as gateway`.

    A connection that ends is made again, after a pause that grows from one second to a minute. `send` waits for an
    attempt that is under way; while the next one is paused for it raises GatewayUnavailable at once. `on_receipt` gets
    what the centre tells of messages, and `on_inbound` what people send; each is acknowledged after it returns, and
    delivered again by the centre if it raises. Without `on_inbound` such messages are refused.
    """

    def __init__(
        self,
        account: SmppAccount,
        on_receipt: ReceiptHandler,
        on_inbound: InboundHandler | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._account = account
        self._on_receipt = on_receipt
        self._on_inbound = on_inbound
        self._timing = timing or Timing()
        self._session: Session | None = None
        self._reason = ""
        self._concluded = asyncio.Event()

    async def __aenter__(self) -> "SmppGateway":
        self._task = asyncio.create_task(self._keep_connected())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.unbind()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def send(self, message: Message) -> Sent:
        """Hand over every part, in order.

        Raises MessageRefused, GatewayBusy when the centre asks for patience, and GatewayUnavailable. A message of which
        a part was taken is sent again under the same reference, so that the phone still makes one message of it.
        """
        destination = _destination(message.to)
        pieces = _pieces(message)
        session = await self._bound()
        gateway_id = None
        for piece in pieces:
            gateway_id = await session.submit(self._short_message(destination, piece, is_last=piece is pieces[-1]))
        return Sent(gateway_id, DeliveryStatus.SENT)

    def _short_message(self, destination: Address, part: Part, *, is_last: bool) -> ShortMessage:
        return ShortMessage(
            source=Address.source(self._account.source),
            destination=destination,
            text=part.octets,
            data_coding=part.data_coding,
            esm_class=part.esm_class,
            registered_delivery=_RECEIPT_WANTED if is_last else 0,
        )

    async def _bound(self) -> Session:
        await self._concluded.wait()
        if self._session is None:
            raise GatewayUnavailable(self._reason)
        return self._session

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        pause = self._timing.first_pause
        while True:
            self._concluded.clear()
            began = loop.time()
            try:
                await self._stay_bound()
            except BindRefused as refusal:
                # Trying often would only lock the account.
                self._lost(refusal)
                pause = self._timing.longest_pause
            except GatewayUnavailable as problem:
                self._lost(problem)
            # A connection that has held for a while is not to blame for what happened before it.
            if loop.time() - began > self._timing.longest_pause:
                pause = self._timing.first_pause
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._timing.longest_pause)

    def _lost(self, problem: GatewayUnavailable) -> None:
        _log.warning("the SMS centre is away", reason=str(problem))
        self._session = None
        self._reason = str(problem)
        self._concluded.set()

    async def _stay_bound(self) -> None:
        """Connect, bind and serve until the connection ends. Raises GatewayUnavailable."""
        session = Session(*await self._connect(), self._deliver, self._timing)
        serving = asyncio.create_task(session.serve())
        try:
            await session.bind(self._account.system_id, self._account.password)
            self._session = session
            self._concluded.set()
            await serving
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError, GatewayUnavailable):
                await serving

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(self._timing.connect):
                return await asyncio.open_connection(self._account.host, self._account.port)
        except (OSError, TimeoutError) as error:
            raise GatewayUnavailable(f"the SMS centre cannot be reached: {type(error).__name__}") from error

    async def _deliver(self, message: ShortMessage) -> None:
        if is_receipt(message):
            receipt = decode_receipt(message)
            if receipt is None:
                raise Unwanted("a receipt without an id or a state")
            await self._on_receipt(receipt)
        elif self._on_inbound is None:
            raise Unwanted("nobody here reads messages")
        else:
            text = decode_text(message)
            await self._on_inbound(
                Inbound(sender=message.source.number.lstrip("+"), to=message.destination.number, text=text)
            )


def _destination(to: str) -> Address:
    number = _NUMBER.fullmatch(to)
    if number is None:
        raise MessageRefused("the recipient is no phone number")
    return Address.phone(number[1])


def _pieces(message: Message) -> list[Part]:
    # The same for every try of a message, and rarely that of the message before.
    reference = hashlib.blake2b(message.reference.encode(), digest_size=1).digest()[0]
    try:
        return parts(message.text, reference)
    except TooLong:
        raise MessageRefused("the text is too long for an SMS") from None
