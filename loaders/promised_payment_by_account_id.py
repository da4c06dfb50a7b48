"""What decides of promised payments for an account (F081): what it spends, and what it owes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.money import CurrencyCode, Money
from loaders.batch import by_key
from loaders.scope import ReadScope
from models.promised_payment import FACTS
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class Promised:
    """A promised payment that is not repaid."""

    amount: Money
    fee: Money
    due_at: datetime


@dataclass(frozen=True, slots=True)
class TrustFacts:
    """What the rules want to know of an account; `charged` is minor units in the last months."""

    account_id: int
    operator: str
    has_ended: bool
    charged: int
    active: Promised | None


def _row(
    account_id: int,
    operator: str,
    has_ended: bool,
    charged: int,
    currency: str | None,
    amount: int,
    fee: int,
    due_at: datetime,
) -> TrustFacts:
    active = None
    if currency is not None:
        kind = CurrencyCode(currency)
        active = Promised(Money(amount, kind), Money(fee, kind), due_at)
    return TrustFacts(account_id, operator, has_ended, charged, active)


BY_ACCOUNT = Statement(FACTS, _row)


async def promised_payment_by_account_id(scope: ReadScope, account_ids: Sequence[int]) -> Mapping[int, TrustFacts]:
    return by_key(await scope.reads.fetch(BY_ACCOUNT, account_ids), lambda facts: facts.account_id)
