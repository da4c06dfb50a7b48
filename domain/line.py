"""What a line is: one mobile number, internet access, TV set-up or phone socket that is served and paid for."""

from enum import StrEnum


class ServiceKind(StrEnum):
    """The kind of service that a line or a personal account carries (SPEC 5.3 `operator.service_kinds`)."""

    MOBILE = "MOBILE"
    INTERNET = "INTERNET"
    TV = "TV"
    LANDLINE = "LANDLINE"
    IP_TELEPHONY = "IP_TELEPHONY"
    WIFI = "WIFI"
    VIDEO_SURVEILLANCE = "VIDEO_SURVEILLANCE"


class LineStatus(StrEnum):
    """Where a line or a personal account stands in its life (SPEC 4.2, E22, E23)."""

    ACTIVE = "ACTIVE"
    BLOCKED_BY_USER = "BLOCKED_BY_USER"
    SUSPENDED_NONPAYMENT = "SUSPENDED_NONPAYMENT"
    SUSPENDED_FRAUD = "SUSPENDED_FRAUD"
    PORTING_OUT = "PORTING_OUT"
    PORTED_OUT = "PORTED_OUT"
    TERMINATED = "TERMINATED"


class ContractKind(StrEnum):
    """Who the contract is with."""

    CONSUMER = "CONSUMER"
    BUSINESS = "BUSINESS"


class ContractStatus(StrEnum):
    """Where a contract stands in its life (F030, F035)."""

    ACTIVE = "ACTIVE"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"


class BlockReason(StrEnum):
    """Why a line was blocked by those who use it (F121); a lost or stolen SIM proves nobody any more (E64)."""

    LOST = "LOST"
    STOLEN = "STOLEN"
    VACATION = "VACATION"
