"""The domain's enums, as GraphQL shows them: each is described by its own docstring."""

from enum import Enum
from inspect import getdoc

import strawberry

from domain.access import AccessLevel, HouseholdRole, Scope
from domain.catalogue import FeePeriod, ServiceCategory
from domain.challenge import ChallengeChannel, DeliveryStatus
from domain.channel import Channel
from domain.child_policy import LimitAnswer
from domain.document import DocumentKind
from domain.language import Language
from domain.line import ContractKind, ContractStatus, LineStatus, ServiceKind
from domain.money import CurrencyCode
from domain.payment import AutopayTrigger, CardScheme, ConfirmationKind, PaymentKind, PaymentMethodKind, PaymentStatus
from domain.refund import RefundStatus
from domain.refusals import ErrorCode
from domain.sign_in import LoginIdentifier, LoginMethod, RecoveryChannel, SocialProvider
from domain.usage import ChargeType, PackageSource, UsageUnit
from domain.usage_limit import LimitAction, LimitPeriod
from models.approval import ApprovalStatus
from models.challenge import ChallengePurpose

SHOWN: tuple[type[Enum], ...] = (
    AccessLevel,
    LimitAnswer,
    ApprovalStatus,
    AutopayTrigger,
    Channel,
    ChallengeChannel,
    ChallengePurpose,
    ChargeType,
    ContractKind,
    ContractStatus,
    CurrencyCode,
    DeliveryStatus,
    DocumentKind,
    ErrorCode,
    FeePeriod,
    HouseholdRole,
    Language,
    LimitAction,
    LimitPeriod,
    LineStatus,
    LoginIdentifier,
    LoginMethod,
    RecoveryChannel,
    PackageSource,
    CardScheme,
    ConfirmationKind,
    PaymentKind,
    PaymentMethodKind,
    PaymentStatus,
    RefundStatus,
    Scope,
    ServiceCategory,
    ServiceKind,
    SocialProvider,
    UsageUnit,
)

for enum in SHOWN:
    strawberry.enum(enum, description=(getdoc(enum) or "").split("\n\n")[0].replace("\n", " ").removesuffix("."))
