"""The domain's enums, as GraphQL shows them: each is described by its own docstring."""

from enum import Enum
from inspect import getdoc

import strawberry

from domain.access import AccessLevel, HouseholdRole, LinkKind, Scope
from domain.catalogue import FeePeriod, ServiceAction, ServiceCategory, ServiceRelationKind, TariffAction
from domain.challenge import ChallengeChannel, DeliveryStatus
from domain.channel import Channel
from domain.child_policy import LimitAnswer
from domain.document import DocumentKind
from domain.language import Language
from domain.line import BlockReason, ContractKind, ContractStatus, LineStatus, ServiceKind
from domain.link_request import LinkDirection
from domain.link_request_refusals import LinkChoice
from domain.money import CurrencyCode
from domain.number_link import ConsentMethod, LinkStatus, SuspensionReason
from domain.payment import AutopayTrigger, CardScheme, ConfirmationKind, PaymentKind, PaymentMethodKind, PaymentStatus
from domain.refund import RefundStatus
from domain.refusals import ErrorCode
from domain.sign_in import LoginIdentifier, LoginMethod, RecoveryChannel, SocialProvider
from domain.ticket import TicketCategory, TicketStatus
from domain.usage import ChargeType, PackageSource, UsageUnit
from domain.usage_limit import LimitAction, LimitPeriod
from models.approval import ApprovalStatus
from models.challenge import ChallengePurpose
from models.invitation import InvitationStatus

SHOWN: tuple[type[Enum], ...] = (
    AccessLevel,
    LimitAnswer,
    ApprovalStatus,
    AutopayTrigger,
    BlockReason,
    Channel,
    ChallengeChannel,
    ChallengePurpose,
    ChargeType,
    ConsentMethod,
    ContractKind,
    ContractStatus,
    CurrencyCode,
    DeliveryStatus,
    DocumentKind,
    ErrorCode,
    FeePeriod,
    HouseholdRole,
    InvitationStatus,
    Language,
    LimitAction,
    LimitPeriod,
    LineStatus,
    LinkChoice,
    LinkDirection,
    LinkKind,
    LinkStatus,
    SuspensionReason,
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
    ServiceAction,
    ServiceCategory,
    ServiceKind,
    ServiceRelationKind,
    SocialProvider,
    TicketCategory,
    TicketStatus,
    TariffAction,
    UsageUnit,
)

for enum in SHOWN:
    strawberry.enum(enum, description=(getdoc(enum) or "").split("\n\n")[0].replace("\n", " ").removesuffix("."))
