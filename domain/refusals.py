"""Why something that a user asked for was not done: facts that become `userErrors`.

Each refusal has a `code` of its own, a `message` for a person, and the `field` of the input it is about.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar


class ErrorCode(StrEnum):
    """What clients may branch on; a code is never given a new meaning."""

    INVALID_INPUT = "INVALID_INPUT"
    FEATURE_DISABLED = "FEATURE_DISABLED"
    RATE_LIMITED = "RATE_LIMITED"
    BAD_CREDENTIALS = "BAD_CREDENTIALS"
    CODE_INVALID = "CODE_INVALID"
    CODE_EXPIRED = "CODE_EXPIRED"
    CODE_ALREADY_USED = "CODE_ALREADY_USED"
    CODE_ATTEMPTS_EXCEEDED = "CODE_ATTEMPTS_EXCEEDED"


@dataclass(frozen=True, slots=True)
class InputRejected:
    """An input that is malformed; `message` says what is accepted."""

    message: str
    field: tuple[str, ...]
    code: ClassVar[ErrorCode] = ErrorCode.INVALID_INPUT


@dataclass(frozen=True, slots=True)
class FeatureDisabled:
    """Something the operator does not offer; `message` is the reason that `operator.features` gives too."""

    feature: str
    message: str
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.FEATURE_DISABLED


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Too many tries; from `retry_at` on it works again."""

    retry_at: datetime
    message: str = "Too many requests for this number"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.RATE_LIMITED


@dataclass(frozen=True, slots=True)
class CredentialsRejected:
    """Nobody signs in with these: it does not say whether the identifier or the password is wrong."""

    message: str = "The identifier or the password is wrong"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.BAD_CREDENTIALS


@dataclass(frozen=True, slots=True)
class CodeRejected:
    """A one-time code that does not count; with `attempts_left` tries at this challenge."""

    code: ErrorCode
    attempts_left: int
    message: str
    field: tuple[str, ...] | None = ("code",)


Refusal = InputRejected | FeatureDisabled | RateLimited | CredentialsRejected | CodeRejected
