"""Why a service was not switched on or off: facts that become `userErrors`, as in `domain/refusals.py` (2.H)."""

from dataclasses import dataclass
from typing import ClassVar

from domain.catalogue import ServiceRelationKind
from domain.money import Money
from domain.refusals import ErrorCode


@dataclass(frozen=True, slots=True)
class ServiceAlreadyActive:
    """The line has the service."""

    message: str = "The service is connected to this line already"
    field: tuple[str, ...] | None = ("serviceId",)
    code: ClassVar[ErrorCode] = ErrorCode.SERVICE_ALREADY_ACTIVE


@dataclass(frozen=True, slots=True)
class ServiceNotActive:
    """The service was switched off before, or has ended."""

    message: str = "The service is not connected any more"
    field: tuple[str, ...] | None = ("subscriptionId",)
    code: ClassVar[ErrorCode] = ErrorCode.SERVICE_NOT_ACTIVE


@dataclass(frozen=True, slots=True)
class ServiceIncompatible:
    """Two services stand in each other's way: they do not go together, or one needs the other.

    `service_id` is of the one that was to be switched on or off, `other_id` of the one that stands against it.
    """

    service_id: int
    other_id: int
    kind: ServiceRelationKind
    message: str
    field: tuple[str, ...] | None = ("serviceId",)
    code: ClassVar[ErrorCode] = ErrorCode.SERVICE_INCOMPATIBLE


@dataclass(frozen=True, slots=True)
class ServiceUnpaid:
    """The account does not hold what is due at once; nothing was changed."""

    price: Money
    field: tuple[str, ...] | None = ("serviceId",)
    code: ClassVar[ErrorCode] = ErrorCode.INSUFFICIENT_FUNDS

    @property
    def message(self) -> str:
        return f"{self.price} is due at once, which the account does not hold"


@dataclass(frozen=True, slots=True)
class TrialUsed:
    """There are no free days to be had: the line has had them, or the service has none (F129)."""

    message: str = "There are no free days to be had on this line; ask for the price"
    field: tuple[str, ...] | None = ("serviceId",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


ServiceRefusal = ServiceAlreadyActive | ServiceNotActive | ServiceIncompatible | ServiceUnpaid | TrialUsed
