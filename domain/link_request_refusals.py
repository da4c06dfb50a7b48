"""Why a number was not asked for or not linked: facts that become `userErrors`, as in `domain/refusals.py`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from domain.access import Scope
from domain.channel import Channel
from domain.refusals import ErrorCode


class LinkChoice(StrEnum):
    """What may be asked of a number that another household looks after already (E1).

    SECONDARY: to look and pay beside it; MOVE: to look after it instead, which its user confirms once more.
    """

    SECONDARY = "SECONDARY"
    MOVE = "MOVE"


@dataclass(frozen=True, slots=True)
class ScopesNotLinkable:
    """Scopes that no link of this kind has: what is the contract holder's alone, or wider than SECONDARY (I4, I15)."""

    scopes: tuple[Scope, ...]
    message: str = "A link of this kind cannot have these scopes"
    field: tuple[str, ...] | None = ("scopes",)
    code: ClassVar[ErrorCode] = ErrorCode.INVALID_INPUT


@dataclass(frozen=True, slots=True)
class NumberNotOfOperator:
    """A number of another country, as its form shows; of any other number nothing is told (E5)."""

    message: str
    field: tuple[str, ...] | None = ("msisdn",)
    code: ClassVar[ErrorCode] = ErrorCode.NUMBER_NOT_OF_OPERATOR


@dataclass(frozen=True, slots=True)
class NumberLimitReached:
    """The household has as many numbers as one may have (E6)."""

    most: int
    message: str = "The household has as many numbers as it may; unlink one first"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.NUMBER_LIMIT_REACHED


@dataclass(frozen=True, slots=True)
class NumberAlreadyLinked:
    """Another household looks after the number: told only after its holder's proof (E1, E20)."""

    choices: tuple[LinkChoice, ...]
    message: str = "Another household looks after this number; ask again for one of `choices`"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.NUMBER_ALREADY_LINKED


@dataclass(frozen=True, slots=True)
class LinkChannelNotAllowed:
    """The operator lets links be started elsewhere only (F043)."""

    channels: tuple[Channel, ...]
    message: str = "Numbers are not linked from here; see `channels`"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.LINK_CHANNEL_NOT_ALLOWED


@dataclass(frozen=True, slots=True)
class SimChanged:
    """The number has another SIM than when it was asked: the code proves nothing (E13)."""

    message: str = "The SIM of this number was changed meanwhile; ask again later"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.SIM_CHANGED


@dataclass(frozen=True, slots=True)
class ContractChanged:
    """The number belongs to another contract than when it was asked (E24, E26)."""

    message: str = "The number has passed to another contract meanwhile; ask again"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.CONTRACT_CHANGED


@dataclass(frozen=True, slots=True)
class NotAMember:
    """Whoever asked is not in the household any more, or may not ask for it (E18)."""

    message: str = "You may not link numbers to this household any more"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.NOT_A_MEMBER


@dataclass(frozen=True, slots=True)
class QuestionChanged:
    """What the holder read is not what would be linked now (E19), or the number is not to be linked at the moment."""

    message: str = "What the number's holder read does not hold any more; ask again"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class RequestClosed:
    """The request was answered, or its time is over."""

    message: str = "This request was answered already, or its time is over"
    field: tuple[str, ...] | None = ("linkRequestId",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class AccountAsked:
    """An account's number proves nothing: its holder is asked, if there is a telephone to ask (E41, E42)."""

    request_id: int
    message: str = "Its holder has to agree: by a code to the telephone of the contract, or with the password"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.CONSENT_REQUIRED
