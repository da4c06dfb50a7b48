"""Gigabytes that one number gives another one (F118): what may be given, and giving them."""

from dataclasses import dataclass
from decimal import Decimal

from auth.sign_in import accepted_numbers
from domain.access import Scope
from domain.data_gift import GIGABYTE, gives, left_of_month, whole
from domain.features import feature
from domain.line import ServiceKind
from domain.msisdn import normalize
from domain.refusals import ErrorCode, Forbidden, InputRejected, NotFound
from domain.sim import cooldown
from domain.usage import PackageSource, UsageUnit
from domain.usage_limit_refusals import ApprovalRequired
from gateways.billing import PackageRemain
from loaders.visible import Line
from resolvers import confined
from resolvers.context import Context
from resolvers.usage_limit import key
from services import data_gift
from services.data_gift import DataShared, GiftWanted


@dataclass(frozen=True, slots=True)
class SharingState:
    """What a line may give away now, in bytes, and why not; what it was given and still has."""

    can_share: bool
    reason: ErrorCode | None
    left_to_share: Decimal
    min_step: Decimal
    max_per_month: Decimal
    received: list[PackageRemain]
    unit: UsageUnit = UsageUnit.BYTE


async def state(context: Context, line: Line) -> SharingState | None:
    """What a number may give away; None without VIEW, and for a line without a SIM."""
    profile = context.loaders.scope.profile_of(line.operator)
    shown = line.allows(Scope.VIEW) and line.kind is ServiceKind.MOBILE
    giving = await context.loaders.sharing_by_line_id.load(line.id) if shown else None
    if giving is None or profile is None:
        return None
    left = min(left_of_month(profile, giving.given), whole(giving.held))
    stops = gives(line.kind, line.status)
    reason: ErrorCode | None = None
    if not feature(profile, "services.data_sharing").enabled:
        reason, left = ErrorCode.FEATURE_DISABLED, 0
    elif not line.allows(Scope.TRANSFER):
        reason = ErrorCode.FORBIDDEN
    elif stops is not None:
        reason = stops.code
    elif cooldown(profile, giving.sim_changed_at, context.now) is not None:
        reason = ErrorCode.COOLDOWN_ACTIVE
    elif not left:
        reason = ErrorCode.GIFT_LIMIT_EXCEEDED
    can_share = reason is None
    # A child asks its owner first.
    if can_share and line.asks_to_spend:
        reason = ErrorCode.APPROVAL_REQUIRED
    remains = await context.loaders.remains_by_line_id.load(line.id)
    return SharingState(
        can_share=can_share,
        reason=reason,
        left_to_share=Decimal(left),
        min_step=Decimal(GIGABYTE),
        max_per_month=Decimal(profile.services.data_sharing_max_gb_month * GIGABYTE),
        received=[each for each in remains if each.source == PackageSource.GIFT],
    )


async def share(
    context: Context, idempotency_key: str, from_line_id: str, to: str, gigabytes: int
) -> Line | ApprovalRequired | data_gift.Refused | Forbidden:
    """Give gigabytes; answers the line that gave them, as it is afterwards."""
    viewer = context.require_viewer()
    if refused := confined.from_purse(viewer):
        return refused
    number = normalize(to, context.profile)
    if number is None:
        return InputRejected(accepted_numbers(context.profile), ("toMsisdn",))
    wanted = GiftWanted(idempotency_key, key(from_line_id, "Line"), number, gigabytes)
    outcome = await context.change(data_gift.share(context.profile, viewer, wanted))
    if not isinstance(outcome, DataShared):
        return outcome
    line = await context.loaders.line_by_id.load(outcome.line_id)
    return NotFound("There is no such line", ("fromLineId",)) if line is None else line
