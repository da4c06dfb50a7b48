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
    LOCKED_OUT = "LOCKED_OUT"
    LOGIN_METHOD_DISABLED = "LOGIN_METHOD_DISABLED"
    NOT_FOUND = "NOT_FOUND"
    STEP_UP_REQUIRED = "STEP_UP_REQUIRED"
    REGISTRATION_LINK_EXPIRED = "REGISTRATION_LINK_EXPIRED"
    PASSWORD_TOO_WEAK = "PASSWORD_TOO_WEAK"  # noqa: S105
    PASSWORD_FORBIDDEN_CHARACTERS = "PASSWORD_FORBIDDEN_CHARACTERS"  # noqa: S105
    CONFLICT = "CONFLICT"
    FORBIDDEN = "FORBIDDEN"
    ACCOUNT_TERMINATED = "ACCOUNT_TERMINATED"
    LAST_OWNER = "LAST_OWNER"
    CHANNEL_UNAVAILABLE = "CHANNEL_UNAVAILABLE"
    SMS_NOT_DELIVERED = "SMS_NOT_DELIVERED"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    AMOUNT_TOO_SMALL = "AMOUNT_TOO_SMALL"
    AMOUNT_TOO_LARGE = "AMOUNT_TOO_LARGE"
    AMOUNT_NOT_WHOLE = "AMOUNT_NOT_WHOLE"
    CARD_TOO_FREQUENT = "CARD_TOO_FREQUENT"
    CARD_NOT_ACCEPTED = "CARD_NOT_ACCEPTED"
    PAYMENTS_BANNED = "PAYMENTS_BANNED"
    PAYMENT_RESTRICTED = "PAYMENT_RESTRICTED"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    PROMISED_PAYMENT_UNAVAILABLE = "PROMISED_PAYMENT_UNAVAILABLE"
    TERMS_NOT_ACCEPTED = "TERMS_NOT_ACCEPTED"
    NUMBER_NOT_OF_OPERATOR = "NUMBER_NOT_OF_OPERATOR"
    NUMBER_LIMIT_REACHED = "NUMBER_LIMIT_REACHED"
    NUMBER_ALREADY_LINKED = "NUMBER_ALREADY_LINKED"
    LINK_REVOKED = "LINK_REVOKED"
    CONSENT_REQUIRED = "CONSENT_REQUIRED"
    LINK_CHANNEL_NOT_ALLOWED = "LINK_CHANNEL_NOT_ALLOWED"
    SIM_CHANGED = "SIM_CHANGED"
    CONTRACT_CHANGED = "CONTRACT_CHANGED"
    COOLDOWN_ACTIVE = "COOLDOWN_ACTIVE"
    HOUSEHOLD_NOT_EMPTY = "HOUSEHOLD_NOT_EMPTY"
    INVITATION_EXPIRED = "INVITATION_EXPIRED"
    ALREADY_IN_HOUSEHOLD = "ALREADY_IN_HOUSEHOLD"
    NOT_A_MEMBER = "NOT_A_MEMBER"
    MINOR_NOT_ALLOWED = "MINOR_NOT_ALLOWED"
    OWNER_ABSENT = "OWNER_ABSENT"
    OPEN_OBLIGATIONS = "OPEN_OBLIGATIONS"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
    LIMIT_REACHED = "LIMIT_REACHED"
    PRICE_CHANGED = "PRICE_CHANGED"
    TARIFF_NOT_AVAILABLE = "TARIFF_NOT_AVAILABLE"
    SERVICE_INCOMPATIBLE = "SERVICE_INCOMPATIBLE"
    SERVICE_ALREADY_ACTIVE = "SERVICE_ALREADY_ACTIVE"
    SERVICE_NOT_ACTIVE = "SERVICE_NOT_ACTIVE"
    GIFT_LIMIT_EXCEEDED = "GIFT_LIMIT_EXCEEDED"
    LINE_BLOCKED = "LINE_BLOCKED"
    LINE_NOT_BLOCKED = "LINE_NOT_BLOCKED"
    ONLY_CONTRACT_HOLDER = "ONLY_CONTRACT_HOLDER"
    OFFICE_REQUIRED = "OFFICE_REQUIRED"
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
class IdempotencyConflict:
    """The key names another wish of the caller's, a payment or a change: a new one needs a new key (E46)."""

    message: str = "This key was used for something else; what is new needs a key of its own"
    field: tuple[str, ...] | None = ("idempotencyKey",)
    code: ClassVar[ErrorCode] = ErrorCode.IDEMPOTENCY_CONFLICT


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

    attempts_left: int | None = None
    message: str = "The identifier or the password is wrong"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.BAD_CREDENTIALS


@dataclass(frozen=True, slots=True)
class LockedOut:
    """Too many wrong passwords: until `locked_until` no password is taken, other ways in work (F014, E56)."""

    locked_until: datetime
    message: str = "Too many wrong passwords; sign in another way, or try again later"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.LOCKED_OUT


@dataclass(frozen=True, slots=True)
class PasswordRejected:
    """A new password that the operator's policy does not take; `message` says what is missing."""

    code: ErrorCode
    message: str
    field: tuple[str, ...] | None = ("newPassword",)


@dataclass(frozen=True, slots=True)
class MethodDisabled:
    """A way in that does not work for this cabinet any more, such as PUK1 after the first sign-in (E61)."""

    message: str
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.LOGIN_METHOD_DISABLED


@dataclass(frozen=True, slots=True)
class RegistrationLinkRejected:
    """A link that is too old, was used, or never was one: register again (F011, E62)."""

    message: str = "The link is not valid any more; register again"
    field: tuple[str, ...] | None = ("token",)
    code: ClassVar[ErrorCode] = ErrorCode.REGISTRATION_LINK_EXPIRED


@dataclass(frozen=True, slots=True)
class StepUpRequired:
    """It needs a fresh proof: ask for a code with `requestStepUp`, give it to `stepUp`, and try again."""

    message: str = "Prove by a code who is at the screen, then try again"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.STEP_UP_REQUIRED


@dataclass(frozen=True, slots=True)
class NotFound:
    """An id that names nothing of the caller's: unknown and foreign ones are told alike."""

    message: str
    field: tuple[str, ...] | None
    code: ClassVar[ErrorCode] = ErrorCode.NOT_FOUND


@dataclass(frozen=True, slots=True)
class SocialAccountTaken:
    """A social account that opens another cabinet; it is not told whose."""

    message: str = "This account is bound to another cabinet; unbind it there first"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class LastWayIn:
    """Unbinding would leave the cabinet without any way in."""

    message: str = "This account is the only way into the cabinet; set a password first"
    field: tuple[str, ...] | None = ("socialAccountId",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class ProviderUnavailable:
    """A social network that does not answer, or that this server is not registered at; nothing was changed."""

    message: str
    field: tuple[str, ...] | None = ("provider",)
    code: ClassVar[ErrorCode] = ErrorCode.CHANNEL_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class ChannelUnavailable:
    """A way to send a code that is not among the challenge's `alternativeChannels` (E9)."""

    message: str = "No code can be sent this way; see `alternativeChannels`"
    field: tuple[str, ...] | None = ("channel",)
    code: ClassVar[ErrorCode] = ErrorCode.CHANNEL_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class CodeNotDelivered:
    """The message with a code of one's own did not arrive: ask for it by another channel at once (E9, N10)."""

    message: str = "The message did not arrive; choose another way with `resendCode`"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.SMS_NOT_DELIVERED


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Something that this session, or its user, may not do."""

    message: str
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.FORBIDDEN


@dataclass(frozen=True, slots=True)
class LoginTaken:
    """A login that somebody signs in with already; it is not told who (F020)."""

    message: str = "This login is taken; choose another one"
    field: tuple[str, ...] | None = ("login",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class LastOwner:
    """The owner of a household cannot go while others are in it (E27)."""

    message: str = "Others are in your household: hand it over or dissolve it first"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.LAST_OWNER


@dataclass(frozen=True, slots=True)
class ContractEnded:
    """All that somebody had with the operator has ended, and with it the cabinet; told after a proof only (F035)."""

    message: str
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.ACCOUNT_TERMINATED


@dataclass(frozen=True, slots=True)
class CabinetFrozen:
    """The number that was the only way in is somebody else's now; told after a proof only (E25)."""

    message: str = "The number of this account has another user now; the office opens the account again"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.LOCKED_OUT


@dataclass(frozen=True, slots=True)
class CabinetLocked:
    """The SIM was reported lost, which locks the cabinet of its number here; told after a proof only (F124)."""

    message: str = "The number is blocked, and its account with it, until the block ends"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.LINE_BLOCKED


@dataclass(frozen=True, slots=True)
class OfficeRequired:
    """The operator has to look at papers first: `checklist` says at which (F049, F122)."""

    checklist: tuple[str, ...]
    message: str = "Come to an office of the operator with these papers, then try again"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.OFFICE_REQUIRED


@dataclass(frozen=True, slots=True)
class CodeRejected:
    """A one-time code that does not count; with `attempts_left` tries at this challenge."""

    code: ErrorCode
    attempts_left: int
    message: str
    field: tuple[str, ...] | None = ("code",)


Refusal = (
    InputRejected
    | FeatureDisabled
    | RateLimited
    | CredentialsRejected
    | LockedOut
    | PasswordRejected
    | MethodDisabled
    | RegistrationLinkRejected
    | StepUpRequired
    | NotFound
    | SocialAccountTaken
    | LastWayIn
    | ProviderUnavailable
    | ChannelUnavailable
    | CodeNotDelivered
    | Forbidden
    | LoginTaken
    | LastOwner
    | ContractEnded
    | CabinetFrozen
    | CabinetLocked
    | CodeRejected
)
