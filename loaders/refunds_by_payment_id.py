"""What was asked to have back of a payment, and what the operator said; the newest first (E43)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.refund import RefundStatus
from loaders.batch import grouped
from loaders.scope import ReadScope
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as who asked for it reads it; `amount` in minor units of the payment's currency."""

    payment_id: int
    status: RefundStatus
    reason: str
    amount: int
    answer: str | None
    created_at: datetime


REFUNDS = Statement(
    """
select payment_id, status, reason, amount, answer, created_at from refund
where payment_id = any($1::bigint[]) order by id desc
""",
    lambda payment_id, status, *more: Refund(payment_id, RefundStatus(status), *more),
)


async def refunds_by_payment_id(scope: ReadScope, payment_ids: Sequence[int]) -> Mapping[int, list[Refund]]:
    """The refunds of payments; whoever asks sees to whose they are."""
    return grouped(await scope.reads.fetch(REFUNDS, payment_ids), lambda refund: refund.payment_id)
