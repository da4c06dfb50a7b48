"""What short messages say: their alphabets, the parts of long ones, and delivery receipts.

The alphabet and the header of a part are those of 3GPP TS 23.038 (6.2.1) and 23.040 (9.2.3.24.1); the text of a receipt
is that of SMPP 3.4, appendix B, which centres follow loosely.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from domain.challenge import DeliveryStatus
from gateways.messages import Receipt
from gateways.smpp_pdu import MESSAGE_PAYLOAD, MESSAGE_STATE, RECEIPTED_MESSAGE_ID, MalformedPdu, ShortMessage

GSM, ASCII, LATIN_1, UCS_2 = 0, 1, 3, 8
HAS_HEADER = 0x40
MAX_PARTS = 255

_ESCAPE = 0x1B
_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_TO_GSM = {
    **{character: bytes((code,)) for code, character in enumerate(_ALPHABET) if code != _ESCAPE},
    **{character: bytes((_ESCAPE, code)) for character, code in _EXTENSION.items()},
}
_FROM_EXTENSION = {code: character for character, code in _EXTENSION.items()}
_CODECS = {ASCII: "ascii", LATIN_1: "latin-1", UCS_2: "utf-16-be"}

# Octets in a message of its own and in a part, whose header takes six. Centres take the default alphabet with one
# character an octet and pack it themselves.
_ROOM = {GSM: (160, 153), UCS_2: (140, 134)}

# Bits 5 to 2 of esm_class: a receipt, and a notice that comes before it.
_KIND, _RECEIPT, _NOTICE = 0x3C, 0x04, 0x20

_STATES = {
    1: DeliveryStatus.SENT,  # ENROUTE
    2: DeliveryStatus.DELIVERED,
    3: DeliveryStatus.FAILED,  # EXPIRED
    4: DeliveryStatus.FAILED,  # DELETED
    5: DeliveryStatus.FAILED,  # UNDELIVERABLE
    6: DeliveryStatus.SENT,  # ACCEPTED: taken, which is not yet delivered
    7: DeliveryStatus.UNKNOWN,
    8: DeliveryStatus.FAILED,  # REJECTED
}
_WORDS = {
    "ENROUTE": 1,
    "DELIVRD": 2,
    "EXPIRED": 3,
    "DELETED": 4,
    "UNDELIV": 5,
    "ACCEPTD": 6,
    "UNKNOWN": 7,
    "REJECTD": 8,
}
_ID = re.compile(r"\bid:\s?(\S{1,64})(?!\S)", re.IGNORECASE)
_STAT = re.compile(r"\bstat:\s?([a-z]{1,10})\b", re.IGNORECASE)


class TooLong(ValueError):
    """The text does not fit into 255 parts."""


class Part(NamedTuple):
    """One short message of a text, as submit_sm takes it."""

    data_coding: int
    esm_class: int
    octets: bytes


def parts(text: str, reference: int) -> list[Part]:
    """A text as one short message, or as several that the phone puts together by `reference` (0 to 255).

    Raises TooLong.
    """
    try:
        coding, characters = GSM, [_TO_GSM[character] for character in text]
    except KeyError:
        coding, characters = UCS_2, [character.encode("utf-16-be", "replace") for character in text]
    alone, room = _ROOM[coding]
    if sum(map(len, characters)) <= alone:
        return [Part(coding, 0, b"".join(characters))]
    pieces = _packed(characters, room)
    if len(pieces) > MAX_PARTS:
        raise TooLong
    return [
        Part(coding, HAS_HEADER, bytes((5, 0, 3, reference, len(pieces), number)) + piece)
        for number, piece in enumerate(pieces, 1)
    ]


def decode_text(message: ShortMessage) -> str:
    """What a person wrote. Raises MalformedPdu where that is not text or not as it says."""
    octets = _octets(message)
    if message.data_coding == GSM:
        return _from_gsm(octets)
    codec = _CODECS.get(message.data_coding)
    if codec is None:
        raise MalformedPdu(f"data_coding {message.data_coding} is no text")
    try:
        return octets.decode(codec)
    except UnicodeDecodeError:
        raise MalformedPdu("the text is not in the alphabet that it names") from None


def is_receipt(message: ShortMessage) -> bool:
    """Whether a deliver_sm tells of one of our messages instead of carrying a person's."""
    return message.esm_class & _KIND in (_RECEIPT, _NOTICE)


def decode_receipt(message: ShortMessage) -> Receipt | None:
    """What a receipt says, by its optional parameters or else by its text; None where it does not say."""
    text = _octets(message).decode("latin-1")
    gateway_id, state = _receipted_id(message, text), _state(message, text)
    return None if gateway_id is None or state is None else Receipt(gateway_id, state)


def _receipted_id(message: ShortMessage, text: str) -> str | None:
    told = message.options.get(RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0")
    if 0 < len(told) <= 64 and 0 not in told:
        return told.decode("latin-1")
    found = _ID.search(text)
    return found[1] if found else None


def _state(message: ShortMessage, text: str) -> DeliveryStatus | None:
    told = message.options.get(MESSAGE_STATE, b"")
    if len(told) == 1 and told[0] in _STATES:
        return _STATES[told[0]]
    found = _STAT.search(text)
    # A word of the centre's own tells that the message is no longer on its way, and not how it ended.
    return _STATES[_WORDS.get(found[1].upper(), 7)] if found else None


def _octets(message: ShortMessage) -> bytes:
    """The text's octets, wherever they are, without the header of a part."""
    octets = message.text or message.options.get(MESSAGE_PAYLOAD, b"")
    if not message.esm_class & HAS_HEADER:
        return octets
    if not octets or len(octets) <= octets[0]:
        raise MalformedPdu("the header is longer than the message")
    return octets[octets[0] + 1 :]


def _packed(characters: Iterable[bytes], room: int) -> list[bytes]:
    """Characters in pieces of at most `room` octets; none is torn, be it an escape sequence or a surrogate pair."""
    pieces = [bytearray()]
    for character in characters:
        if len(pieces[-1]) + len(character) > room:
            pieces.append(bytearray())
        pieces[-1] += character
    return [bytes(piece) for piece in pieces]


def _from_gsm(octets: bytes) -> str:
    characters = []
    escaped = False
    for code in octets:
        if code >= len(_ALPHABET):
            raise MalformedPdu("the default alphabet has 128 characters")
        if code == _ESCAPE and not escaped:
            escaped = True
            continue
        # A phone that does not know an extension shows the character that the code has without it.
        characters.append(_FROM_EXTENSION.get(code, _ALPHABET[code]) if escaped else _ALPHABET[code])
        escaped = False
    return "".join(characters)
