"""SMS by SMPP, against a centre that other people made."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import structlog

from domain.challenge import DeliveryStatus
from gateways.messages import GatewayBusy, GatewayUnavailable, Inbound, Message, MessageRefused, Receipt, Sent
from gateways.smpp import SmppGateway
from gateways.smpp_session import BindRefused, Timing
from tests.sms_centre import SmsCentre

QUICK = Timing(connect=1, response=0.3, silence=60, unbind=0.3, first_pause=0.05, longest_pause=0.1, window=4)
SHORT = "Билайн: код 123456 для входа, 3 мин. Никому его не сообщайте."
LONG = "Сезнең код: 123456, җәһүд белән кертегез. 🙂 " * 4


def message(text: str = SHORT, to: str = "79990000001", reference: str = "a") -> Message:
    return Message(operator="beeline", channel="SMS", reference=reference, to=to, text=text)


class Listener:
    """Takes what a centre tells; raises as often as it is told to."""

    def __init__(self) -> None:
        self.receipts: asyncio.Queue[Receipt] = asyncio.Queue()
        self.inbound: asyncio.Queue[Inbound] = asyncio.Queue()
        self.failures = 0

    async def on_receipt(self, receipt: Receipt) -> None:
        self._fail_if_told()
        await self.receipts.put(receipt)

    async def on_inbound(self, inbound: Inbound) -> None:
        self._fail_if_told()
        await self.inbound.put(inbound)

    def _fail_if_told(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the database is away")

    def gateway(self, centre: SmsCentre, timing: Timing = QUICK) -> SmppGateway:
        return SmppGateway(centre.account, self.on_receipt, self.on_inbound, timing)


@pytest.fixture(scope="module")
async def running_centre() -> AsyncIterator[SmsCentre]:
    async with SmsCentre() as running:
        yield running


@pytest.fixture
async def centre(running_centre: SmsCentre) -> SmsCentre:
    await running_centre.forget()
    return running_centre


@pytest.fixture
def listener() -> Listener:
    return Listener()


async def test_short_text_arrives_in_its_alphabet(centre: SmsCentre, listener: Listener) -> None:
    async with listener.gateway(centre) as gateway:
        assert await gateway.send(message()) == Sent("id-1", DeliveryStatus.SENT)
        await gateway.send(message("Code 123456 [€5]", "+79990000002"))
    cyrillic, latin = await centre.event("message"), await centre.event("message", 2)
    assert cyrillic["text"] == SHORT
    assert (cyrillic["from"], cyrillic["to"], cyrillic["coding"]) == ("1070", "79990000001", 8)
    assert cyrillic["types"] == [3, 0, 1, 1]
    assert (latin["text"], latin["to"], latin["coding"]) == ("Code 123456 [€5]", "79990000002", 0)
    assert (await centre.event("bound"))["version"] == 0x34
    await centre.event("unbound")


async def test_long_text_arrives_in_parts_that_make_the_same_text(centre: SmsCentre, listener: Listener) -> None:
    async with listener.gateway(centre) as gateway:
        assert await gateway.send(message(LONG)) == Sent("id-3", DeliveryStatus.SENT)
        await gateway.send(message("{x}" * 100, reference="b"))
    cyrillic, latin = await centre.event("message"), await centre.event("message", 2)
    assert cyrillic["text"] == LONG
    assert len(cyrillic["lengths"]) == 3
    assert max(cyrillic["lengths"]) <= 67
    assert cyrillic["registered"] == [0, 0, 1]
    assert latin["text"] == "{x}" * 100
    assert len(latin["lengths"]) == 4, "a brace takes two of the 153 places"


@pytest.mark.parametrize("by", ["text", "options"])
@pytest.mark.parametrize(
    ("word", "delivery"),
    [
        ("DELIVRD", DeliveryStatus.DELIVERED),
        ("UNDELIV", DeliveryStatus.FAILED),
        ("REJECTD", DeliveryStatus.FAILED),
        ("EXPIRED", DeliveryStatus.FAILED),
        ("ACCEPTD", DeliveryStatus.SENT),
    ],
)
async def test_receipt_tells_what_became_of_a_message(
    centre: SmsCentre, listener: Listener, word: str, by: str, delivery: DeliveryStatus
) -> None:
    await centre.order(receipt=word, by=by)
    async with listener.gateway(centre) as gateway:
        sent = await gateway.send(message())
        assert await listener.receipts.get() == Receipt(sent.gateway_id or "", delivery)
        assert (await centre.event("receipt_answered"))["status"] == 0


async def test_receipt_that_was_not_noted_is_left_with_the_centre(centre: SmsCentre, listener: Listener) -> None:
    await centre.order(receipt="DELIVRD")
    listener.failures = 1
    async with listener.gateway(centre) as gateway:
        await gateway.send(message())
        assert (await centre.event("receipt_answered"))["status"] == 0x64
        await gateway.send(message())
        assert (await centre.event("receipt_answered", 2))["status"] == 0


@pytest.mark.parametrize("status", [0x58, 0x14])
async def test_throttled_message_is_for_another_time(centre: SmsCentre, listener: Listener, status: int) -> None:
    await centre.order(throttle=1, status=status)
    async with listener.gateway(centre) as gateway:
        with pytest.raises(GatewayBusy):
            await gateway.send(message())
        await gateway.send(message())
    await centre.event("message")


async def test_message_that_no_centre_would_take_is_refused(centre: SmsCentre, listener: Listener) -> None:
    await centre.order(throttle=1, status=0x0B)
    async with listener.gateway(centre) as gateway:
        with pytest.raises(MessageRefused, match="invalid destination"):
            await gateway.send(message())
        with pytest.raises(MessageRefused, match="no phone number"):
            await gateway.send(message(to="somebody@example.ru"))
        with pytest.raises(MessageRefused, match="too long"):
            await gateway.send(message("я" * 67 * 256))


async def test_other_failures_of_the_centre_are_for_another_time(centre: SmsCentre, listener: Listener) -> None:
    await centre.order(throttle=1, status=0x08)
    async with listener.gateway(centre) as gateway:
        with pytest.raises(GatewayUnavailable, match=r"system error \(0x00000008\)"):
            await gateway.send(message())


async def test_centre_that_hangs_is_not_waited_for(centre: SmsCentre, listener: Listener) -> None:
    async with listener.gateway(centre) as gateway:
        await gateway.send(message())
        await centre.order(mute=True)
        with pytest.raises(GatewayUnavailable, match="does not answer submit_sm"):
            await gateway.send(message())


async def test_more_messages_than_the_window_all_arrive(centre: SmsCentre, listener: Listener) -> None:
    async with listener.gateway(centre) as gateway:
        sent = await asyncio.gather(*(gateway.send(message(reference=str(number))) for number in range(100)))
    assert len({told.gateway_id for told in sent}) == 100
    await centre.event("message", 100)


async def test_silent_connection_is_kept_alive_from_both_sides(centre: SmsCentre, listener: Listener) -> None:
    async with listener.gateway(centre, replace(QUICK, silence=0.05)):
        await centre.event("enquire_link", 2)
        await centre.order(enquire=True)
        assert (await centre.event("enquired"))["status"] == 0
    assert len(centre.all("bound")) == 1


async def test_connection_whose_other_end_is_gone_is_made_again(centre: SmsCentre, listener: Listener) -> None:
    async with listener.gateway(centre, replace(QUICK, silence=0.05)):
        await centre.event("bound")
        await centre.order(mute=True)
        await centre.event("bound", 2)


@pytest.mark.parametrize(
    "octets",
    [
        "0000000f800000000000000000000001",  # shorter than a header
        "7fffffff000000050000000000000001",  # two gigabytes
        b"GET / HTTP/1.1\r\n\r\n".hex(),
    ],
)
async def test_connection_that_is_out_of_step_is_made_again(centre: SmsCentre, listener: Listener, octets: str) -> None:
    async with listener.gateway(centre) as gateway:
        await centre.event("bound")
        await centre.order(raw=octets)
        await centre.event("bound", 2)
        await gateway.send(message())


@pytest.mark.parametrize(
    "octets",
    [
        "00000014000000050000000000000001" + "ffffffff",  # deliver_sm that ends in the middle
        "00000010000001030000000000000002",  # data_sm, which nobody here speaks
        "00000010800000040000000000000099",  # an answer to nothing
        "00000010000001020000000000000003",  # alert_notification
    ],
)
async def test_pdu_that_makes_no_sense_does_not_end_the_connection(
    centre: SmsCentre, listener: Listener, octets: str
) -> None:
    async with listener.gateway(centre) as gateway:
        await centre.event("bound")
        await centre.order(raw=octets)
        await centre.order(enquire=True)
        await centre.event("enquired")
        await gateway.send(message())
    assert len(centre.all("bound")) == 1


async def test_centre_that_restarts_loses_no_message(listener: Listener) -> None:
    texts = [f"после {number}" for number in range(10)]
    async with AsyncExitStack() as stack:
        async with SmsCentre() as before:
            gateway = await stack.enter_async_context(listener.gateway(before))
            await gateway.send(message("до"))
        sending = asyncio.gather(*(_send_in_the_end(gateway, message(text)) for text in texts))
        await asyncio.sleep(0.2)
        async with SmsCentre(before.port) as after:
            await sending
            await after.event("message", len(texts))
            assert sorted(event["text"] for event in after.all("message")) == texts


async def _send_in_the_end(gateway: SmppGateway, wanted: Message) -> None:
    """What the worker does: again and again until it is taken."""
    async with asyncio.timeout(5):
        while True:
            try:
                await gateway.send(wanted)
            except GatewayUnavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def test_connection_that_breaks_is_made_again(centre: SmsCentre, listener: Listener) -> None:
    async with listener.gateway(centre) as gateway:
        await gateway.send(message())
        await centre.order(hang_up=True)
        await centre.event("bound", 2)
        await gateway.send(message())


async def test_wrong_password_is_told_in_clear(centre: SmsCentre, listener: Listener) -> None:
    account = replace(centre.account, password="wrong")
    async with SmppGateway(account, listener.on_receipt, timing=QUICK) as gateway:
        with pytest.raises(GatewayUnavailable, match=r"refuses the bind: invalid password \(0x0000000E\)"):
            await gateway.send(message())
    assert issubclass(BindRefused, GatewayUnavailable), "the message is kept for better settings"
    assert "wrong" not in repr(account)


async def test_centre_that_is_not_there_is_named_as_the_reason(listener: Listener) -> None:
    async with SmppGateway(SmsCentre(1).account, listener.on_receipt, timing=QUICK) as gateway:
        with pytest.raises(GatewayUnavailable, match="cannot be reached: ConnectionRefusedError"):
            await gateway.send(message())


@pytest.mark.parametrize(
    ("text", "coding"),
    [("ПАРОЛЬ", 8), ("PAROL {1}", 0), ("PAROL", 1), ("Ж" * 200, 8)],
    ids=["ucs2", "gsm", "ia5", "long"],
)
async def test_message_of_a_person_is_handed_over(
    centre: SmsCentre, listener: Listener, text: str, coding: int
) -> None:
    payload = {"message_payload": text} if len(text) > 100 else {"short_message": text}
    async with listener.gateway(centre):
        await centre.event("bound")
        await centre.order(
            deliver={"source_addr": "+79990000003", "destination_addr": "1070", "data_coding": coding, **payload}
        )
        assert await listener.inbound.get() == Inbound(sender="79990000003", to="1070", text=text)
        assert (await centre.event("delivered"))["status"] == 0


async def test_message_of_a_person_is_left_with_the_centre_while_nobody_can_take_it(
    centre: SmsCentre, listener: Listener
) -> None:
    listener.failures = 1
    async with listener.gateway(centre):
        await centre.event("bound")
        for _ in range(2):
            await centre.order(
                deliver={"source_addr": "79990000003", "destination_addr": "1070", "short_message": "PAROL"}
            )
        answers = [await centre.event("delivered", number) for number in (1, 2)]
    assert sorted(answer["status"] for answer in answers) == [0, 0x64]


async def test_message_of_a_person_is_refused_where_nobody_reads_them(centre: SmsCentre, listener: Listener) -> None:
    async with SmppGateway(centre.account, listener.on_receipt, timing=QUICK):
        await centre.event("bound")
        await centre.order(deliver={"source_addr": "79990000003", "destination_addr": "1070", "short_message": "PAROL"})
        assert (await centre.event("delivered"))["status"] == 0x65


async def test_nothing_private_is_logged(
    centre: SmsCentre, listener: Listener, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    listener.failures = 1
    await centre.order(receipt="DELIVRD", throttle=1, status=0x0B)
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as logged:
        async with listener.gateway(centre) as gateway:
            with pytest.raises(MessageRefused) as refusal:
                await gateway.send(message())
            await gateway.send(message())
            await centre.event("receipt_answered")
            await centre.order(hang_up=True)
            await centre.event("bound", 2)
    said = f"{logged} {caplog.text} {capsys.readouterr()} {refusal.value!r} {message()!r}"
    assert "the SMS centre is away" in said
    for private in ("79990000001", "123456", "s3cret"):
        assert private not in said
