"""SMPP's octets: what is written is read again, and what is no SMPP is refused in one way."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.challenge import DeliveryStatus
from gateways.messages import Receipt
from gateways.smpp_pdu import (
    MAX_LENGTH,
    MESSAGE_STATE,
    RECEIPTED_MESSAGE_ID,
    Address,
    MalformedPdu,
    Pdu,
    ShortMessage,
    decode_message_id,
    encode_bind,
    encode_message_id,
    read_pdu,
)
from gateways.smpp_text import GSM, HAS_HEADER, UCS_2, decode_receipt, decode_text, is_receipt, parts

octet = st.integers(0, 255)
NOBODY = Address(0, 0, "")


def c_octets(size: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=size - 1)


addresses = st.builds(Address, ton=octet, npi=octet, number=c_octets(21))
short_messages = st.builds(
    ShortMessage,
    source=addresses,
    destination=addresses,
    text=st.binary(max_size=254),
    data_coding=octet,
    esm_class=octet,
    registered_delivery=octet,
    service_type=c_octets(6),
    protocol_id=octet,
    priority=octet,
    schedule=c_octets(17),
    validity=c_octets(17),
    replace_if_present=octet,
    predefined=octet,
    options=st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=300), max_size=4),
)
pdus = st.builds(
    Pdu,
    command=st.integers(0, 0xFFFFFFFF),
    sequence=st.integers(0, 0xFFFFFFFF),
    status=st.integers(0, 0xFFFFFFFF),
    body=st.binary(max_size=600),
)


def read_all(octets: bytes) -> list[Pdu]:
    """Every PDU of a stream that ends; a second is more than it may take."""

    async def read() -> list[Pdu]:
        reader = asyncio.StreamReader()
        reader.feed_data(octets)
        reader.feed_eof()
        found = []
        async with asyncio.timeout(1):
            while pdu := await read_pdu(reader):
                found.append(pdu)
        return found

    return asyncio.run(read())


@given(st.lists(pdus, max_size=3))
def test_pdus_are_read_as_they_were_written(written: list[Pdu]) -> None:
    assert read_all(b"".join(pdu.encode() for pdu in written)) == written


@given(short_messages)
def test_short_message_is_read_as_it_was_written(written: ShortMessage) -> None:
    assert ShortMessage.decode(written.encode()) == written


@given(st.binary(max_size=200))
def test_garbage_is_pdus_or_malformed(octets: bytes) -> None:
    with suppress(MalformedPdu):
        read_all(octets)


@given(
    st.binary(max_size=400) | st.tuples(short_messages, st.integers(0, 500)).map(lambda cut: cut[0].encode()[: cut[1]])
)
def test_garbage_in_a_body_is_a_message_or_malformed(body: bytes) -> None:
    for decode in (decode_message_id, lambda body: look_into(ShortMessage.decode(body))):
        with suppress(MalformedPdu):
            decode(body)


def look_into(message: ShortMessage) -> None:
    if is_receipt(message):
        decode_receipt(message)
    else:
        decode_text(message)


@pytest.mark.parametrize("length", [0, 15, MAX_LENGTH + 1, 0xFFFFFFFF])
def test_length_that_no_pdu_has_is_refused_before_anything_is_read(length: int) -> None:
    with pytest.raises(MalformedPdu, match="cannot have"):
        read_all(length.to_bytes(4, "big") + bytes(12))


@pytest.mark.parametrize(
    "write",
    [
        lambda: encode_bind("s" * 16, "p"),
        lambda: encode_bind("s", "p" * 9),
        lambda: encode_message_id("a\0b"),
        lambda: Address(0, 0, "1" * 21).encode(),
    ],
)
def test_what_does_not_fit_is_not_written(write: Callable[[], bytes]) -> None:
    with pytest.raises(ValueError, match="octets"):
        write()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400), octet)
def test_text_in_parts_is_the_same_text(text: str, reference: int) -> None:
    pieces = parts(text, reference)
    read = [
        ShortMessage(NOBODY, NOBODY, piece.octets, data_coding=piece.data_coding, esm_class=piece.esm_class)
        for piece in pieces
    ]
    assert "".join(map(decode_text, read)) == text
    for number, piece in enumerate(pieces, 1):
        assert len(piece.octets) <= (160 if piece.data_coding == GSM else 140)
        if len(pieces) > 1:
            assert piece.octets[:6] == bytes((5, 0, 3, reference, len(pieces), number))
            assert piece.esm_class == HAS_HEADER


@pytest.mark.parametrize(
    ("text", "coding", "count"),
    [
        ("a" * 160, GSM, 1),
        ("a" * 161, GSM, 2),
        ("€" * 80, GSM, 1),
        ("a" * 306, GSM, 2),
        ("a" * 307, GSM, 3),
        ("я" * 70, UCS_2, 1),
        ("я" * 71, UCS_2, 2),
        ("я" * 134, UCS_2, 2),
        ("я" * 135, UCS_2, 3),
        ("🙂" * 35, UCS_2, 1),
        ("", GSM, 1),
    ],
)
def test_parts_are_as_few_as_can_be(text: str, coding: int, count: int) -> None:
    pieces = parts(text, 7)
    assert (len(pieces), pieces[0].data_coding) == (count, coding)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id:42 sub:001 dlvrd:001 submit date:1 done date:2 stat:DELIVRD err:000 text:", DeliveryStatus.DELIVERED),
        ("id:42 stat:undeliv err:001 Text:stat:DELIVRD", DeliveryStatus.FAILED),
        ("ID: 42 STAT: DELETED", DeliveryStatus.FAILED),
        ("id:42 stat:ENROUTE", DeliveryStatus.SENT),
        ("id:42 stat:UNKNOWN", DeliveryStatus.UNKNOWN),
        ("id:42 stat:SOMEHOW", DeliveryStatus.UNKNOWN),
        ("id:42 err:000", None),
        ("stat:DELIVRD", None),
        ("id:" + "4" * 65 + " stat:DELIVRD", None),
        ("", None),
    ],
)
def test_receipt_is_read_from_its_text(text: str, told: DeliveryStatus | None) -> None:
    receipt = ShortMessage(NOBODY, NOBODY, text.encode(), esm_class=4)
    assert is_receipt(receipt)
    assert decode_receipt(receipt) == (None if told is None else Receipt("42", told))


def test_options_of_a_receipt_go_before_its_text() -> None:
    receipt = ShortMessage(
        NOBODY,
        NOBODY,
        b"id:1 stat:UNDELIV",
        esm_class=4,
        options={RECEIPTED_MESSAGE_ID: b"42\0", MESSAGE_STATE: b"\x02"},
    )
    assert decode_receipt(receipt) == Receipt("42", DeliveryStatus.DELIVERED)
