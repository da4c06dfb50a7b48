"""The PDUs of SMPP 3.4 that a transceiver exchanges with an SMS centre: their layout and nothing else.

Names, sizes and numbers are those of "Short Message Peer to Peer Protocol Specification v3.4", chapters 4 and 5.
Whatever does not fit raises MalformedPdu when it is read and ValueError when it is written.
"""

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

# The largest PDU allowed has a message_payload of 64 KB; what claims more is no PDU.
MAX_LENGTH = 70_000
MAX_SEQUENCE = 0x7FFFFFFF
MAX_SHORT_MESSAGE = 254

RESPONSE = 0x80000000
INTERFACE_VERSION = 0x34

# Optional parameters (5.3.2).
RECEIPTED_MESSAGE_ID = 0x001E
MESSAGE_PAYLOAD = 0x0424
MESSAGE_STATE = 0x0427

_HEADER = struct.Struct(">IIII")
_OPTION = struct.Struct(">HH")
# The sizes of C-octet strings, their final NUL included.
_SYSTEM_ID, _PASSWORD, _SYSTEM_TYPE, _RANGE = 16, 9, 13, 41
_SERVICE_TYPE, _NUMBER, _TIME, _MESSAGE_ID = 6, 21, 17, 65


class MalformedPdu(Exception):
    """What came is no PDU of SMPP 3.4. The text quotes nothing of it."""


class Command(IntEnum):
    """The operations spoken here; the answer to each has the number `| RESPONSE`."""

    GENERIC_NACK = 0x80000000
    SUBMIT_SM = 0x00000004
    DELIVER_SM = 0x00000005
    UNBIND = 0x00000006
    BIND_TRANSCEIVER = 0x00000009
    ENQUIRE_LINK = 0x00000015
    ALERT_NOTIFICATION = 0x00000102


class Status(IntEnum):
    """The results that mean something here (5.1.3); a centre may answer any number."""

    OK = 0x00
    INVALID_MESSAGE_LENGTH = 0x01
    INVALID_COMMAND_LENGTH = 0x02
    INVALID_COMMAND = 0x03
    ALREADY_BOUND = 0x05
    SYSTEM_ERROR = 0x08
    INVALID_DESTINATION = 0x0B
    BIND_FAILED = 0x0D
    INVALID_PASSWORD = 0x0E
    INVALID_SYSTEM_ID = 0x0F
    QUEUE_FULL = 0x14
    SUBMIT_FAILED = 0x45
    INVALID_DESTINATION_TON = 0x50
    INVALID_DESTINATION_NPI = 0x51
    THROTTLED = 0x58
    TEMPORARY_ERROR = 0x64
    PERMANENT_ERROR = 0x65


def status_text(status: int) -> str:
    """A result as a person reads it, such as `invalid password (0x0000000E)`."""
    name = Status(status).name.replace("_", " ").lower() if status in set(Status) else "an error"
    return f"{name} (0x{status:08X})"


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU: a header and a body that is not looked into yet."""

    command: int
    sequence: int
    status: int = Status.OK
    body: bytes = field(default=b"", repr=False)

    @property
    def is_response(self) -> bool:
        return bool(self.command & RESPONSE)

    def encode(self) -> bytes:
        length = _HEADER.size + len(self.body)
        if length > MAX_LENGTH:
            raise ValueError("the PDU is too long")
        return _HEADER.pack(length, self.command, self.status, self.sequence) + self.body

    def answer(self, status: int = Status.OK, body: bytes = b"") -> "Pdu":
        """The response to this request."""
        return Pdu(self.command | RESPONSE, self.sequence, status, body)


async def read_pdu(reader: asyncio.StreamReader) -> Pdu | None:
    """Read one PDU; None when the stream ends after a whole one. Raises MalformedPdu, and OSError of the stream."""
    try:
        header = await reader.readexactly(_HEADER.size)
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise MalformedPdu("the stream ends within a header") from None
        return None
    length, command, status, sequence = _HEADER.unpack(header)
    if not _HEADER.size <= length <= MAX_LENGTH:
        raise MalformedPdu(f"a PDU cannot have {length} octets")
    try:
        body = await reader.readexactly(length - _HEADER.size)
    except asyncio.IncompleteReadError:
        raise MalformedPdu("the stream ends within a body") from None
    return Pdu(command, sequence, status, body)


@dataclass(frozen=True, slots=True)
class Address:
    """A number or a name with its type of number and its numbering plan (5.2.5, 5.2.6)."""

    ton: int
    npi: int
    number: str = field(repr=False)

    @classmethod
    def phone(cls, digits: str) -> "Address":
        """A number in the international format, without a plus."""
        return cls(1, 1, digits)

    @classmethod
    def source(cls, text: str) -> "Address":
        """What a message is said to come from: a name, a short number of up to 8 digits, or a whole one."""
        if not (text.isascii() and text.isdecimal()):
            return cls(5, 0, text)
        return cls(3, 0, text) if len(text) <= 8 else cls.phone(text)

    def encode(self) -> bytes:
        return bytes((self.ton, self.npi)) + _c_octets(self.number, _NUMBER)


def encode_bind(system_id: str, password: str) -> bytes:
    """The body of bind_transceiver (4.1.5): no system type, and every address."""
    return b"".join(
        (
            _c_octets(system_id, _SYSTEM_ID),
            _c_octets(password, _PASSWORD),
            _c_octets("", _SYSTEM_TYPE),
            bytes((INTERFACE_VERSION, 0, 0)),
            _c_octets("", _RANGE),
        )
    )


def encode_message_id(message_id: str) -> bytes:
    """The body of submit_sm_resp and deliver_sm_resp (4.4.2, 4.6.2)."""
    return _c_octets(message_id, _MESSAGE_ID)


def decode_message_id(body: bytes) -> str | None:
    """What submit_sm_resp calls the message; None where it is left out."""
    return _Cursor(body).c_octets(_MESSAGE_ID) or None if body else None


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """The body of submit_sm and of deliver_sm, which have one layout (4.4.1, 4.6.1)."""

    source: Address
    destination: Address
    text: bytes = field(repr=False)
    data_coding: int = 0
    esm_class: int = 0
    registered_delivery: int = 0
    service_type: str = ""
    protocol_id: int = 0
    priority: int = 0
    schedule: str = ""
    validity: str = ""
    replace_if_present: int = 0
    predefined: int = 0
    options: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    def encode(self) -> bytes:
        if len(self.text) > MAX_SHORT_MESSAGE:
            raise ValueError("the short message is too long")
        return b"".join(
            (
                _c_octets(self.service_type, _SERVICE_TYPE),
                self.source.encode(),
                self.destination.encode(),
                bytes((self.esm_class, self.protocol_id, self.priority)),
                _c_octets(self.schedule, _TIME),
                _c_octets(self.validity, _TIME),
                bytes((self.registered_delivery, self.replace_if_present, self.data_coding, self.predefined)),
                bytes((len(self.text),)),
                self.text,
                *(_OPTION.pack(tag, len(value)) + value for tag, value in self.options.items()),
            )
        )

    @classmethod
    def decode(cls, body: bytes) -> "ShortMessage":
        """Raises MalformedPdu."""
        cursor = _Cursor(body)
        service_type = cursor.c_octets(_SERVICE_TYPE)
        source, destination = cursor.address(), cursor.address()
        esm_class, protocol_id, priority = cursor.octets(3)
        schedule, validity = cursor.c_octets(_TIME), cursor.c_octets(_TIME)
        registered_delivery, replace_if_present, data_coding, predefined, length = cursor.octets(5)
        if length > MAX_SHORT_MESSAGE:
            raise MalformedPdu("a short message has at most 254 octets")
        return cls(
            source=source,
            destination=destination,
            text=cursor.octets(length),
            data_coding=data_coding,
            esm_class=esm_class,
            registered_delivery=registered_delivery,
            service_type=service_type,
            protocol_id=protocol_id,
            priority=priority,
            schedule=schedule,
            validity=validity,
            replace_if_present=replace_if_present,
            predefined=predefined,
            options=cursor.options(),
        )


class _Cursor:
    """Takes a body apart from its beginning; raises MalformedPdu where it is too short."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def octets(self, count: int) -> bytes:
        taken = self._body[self._at : self._at + count]
        if len(taken) < count:
            raise MalformedPdu("the body ends within a parameter")
        self._at += count
        return taken

    def c_octets(self, size: int) -> str:
        """A string of at most `size` octets, its NUL included. Centres put Latin-1 into what should be ASCII."""
        end = self._body.find(0, self._at, self._at + size)
        if end < 0:
            raise MalformedPdu(f"a string does not end within its {size} octets")
        text = self._body[self._at : end].decode("latin-1")
        self._at = end + 1
        return text

    def address(self) -> Address:
        ton, npi = self.octets(2)
        return Address(ton, npi, self.c_octets(_NUMBER))

    def options(self) -> dict[int, bytes]:
        """The optional parameters: all that is left."""
        found: dict[int, bytes] = {}
        while self._at < len(self._body):
            tag, length = _OPTION.unpack(self.octets(_OPTION.size))
            found[tag] = self.octets(length)
        return found


def _c_octets(text: str, size: int) -> bytes:
    octets = text.encode("latin-1")  # UnicodeEncodeError is a ValueError
    if len(octets) >= size or 0 in octets:
        raise ValueError(f"a string of at most {size - 1} octets without NUL is needed")
    return octets + b"\0"
