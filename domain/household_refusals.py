"""Why something was not done to a household: facts that become `userErrors`, as in `domain/refusals.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.refusals import ErrorCode, OfficeRequired


@dataclass(frozen=True, slots=True)
class HouseholdNotEmpty:
    """Others are in it: they have been told, and from `dissolves_at` on it may be dissolved."""

    dissolves_at: datetime
    message: str = "Everybody in it was told; dissolve it again when the time has passed"
    field: tuple[str, ...] | None = ("householdId",)
    code: ClassVar[ErrorCode] = ErrorCode.HOUSEHOLD_NOT_EMPTY


@dataclass(frozen=True, slots=True)
class HouseholdFull:
    """The operator's `household.max_members` are in it, those who are invited among them."""

    message: str = "No more people fit into this household"
    field: tuple[str, ...] | None = ("householdId",)
    code: ClassVar[ErrorCode] = ErrorCode.LIMIT_EXCEEDED


@dataclass(frozen=True, slots=True)
class InvitationExpired:
    """Too old, used, taken back, or for somebody else: it is not told which (E33)."""

    message: str = "The invitation is not valid; ask for another one"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.INVITATION_EXPIRED


@dataclass(frozen=True, slots=True)
class AlreadyInHousehold:
    """Whoever accepts is a member already."""

    message: str = "You are in this household already"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.ALREADY_IN_HOUSEHOLD


@dataclass(frozen=True, slots=True)
class MinorNotAllowed:
    """Somebody under age cannot be this, or do this."""

    message: str
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.MINOR_NOT_ALLOWED


@dataclass(frozen=True, slots=True)
class OwnerAbsent:
    """The household has no owner who could decide; its lines may be looked at and paid for (E28)."""

    message: str = "The owner is absent: until somebody takes the household over, nothing in it changes"
    field: tuple[str, ...] | None = ("householdId",)
    code: ClassVar[ErrorCode] = ErrorCode.OWNER_ABSENT


@dataclass(frozen=True, slots=True)
class TransferConflict:
    """Another transfer of the household is open, or this one is not, or not any more (E29)."""

    message: str
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


HouseholdRefusal = (
    HouseholdNotEmpty
    | HouseholdFull
    | InvitationExpired
    | AlreadyInHousehold
    | MinorNotAllowed
    | OwnerAbsent
    | OfficeRequired
    | TransferConflict
)
