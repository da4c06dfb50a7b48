"""Vouchers (F159): what is printed on them, and what is told of those that are not taken. Pure rules."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import ClassVar

from domain.refusals import ErrorCode

LENGTH = 16
"""Digits of a code: guessed five times a day, a million vouchers among them hold for a million years."""

_GROUP = 4
_SEPARATORS = str.maketrans("", "", " -\u00a0")


@dataclass(frozen=True, slots=True)
class VoucherRejected:
    """No voucher to be had by this code: a wrong, a used, an expired and a foreign one are told alike."""

    message: str = "This code is not valid, or was used already"
    field: tuple[str, ...] | None = ("code",)
    code: ClassVar[ErrorCode] = ErrorCode.INVALID_INPUT


def new_code() -> str:
    """The digits of a new voucher."""
    return "".join(secrets.choice("0123456789") for _ in range(LENGTH))


def printed(code: str) -> str:
    """A code as people read it, in groups."""
    return "-".join(code[place : place + _GROUP] for place in range(0, len(code), _GROUP))


def read_code(typed: str) -> str | None:
    """The digits that somebody typed, with or without separators; None for what no voucher has on it."""
    digits = typed[: LENGTH * _GROUP].translate(_SEPARATORS)
    return digits if len(digits) == LENGTH and digits.isascii() and digits.isdigit() else None


def code_hmac(secret: bytes, operator: str, code: str) -> bytes:
    """What is stored of a code: without the server's key nobody finds codes by trying them on a stolen table."""
    return hmac.new(secret, f"voucher:{operator}:{code}".encode(), hashlib.sha256).digest()
