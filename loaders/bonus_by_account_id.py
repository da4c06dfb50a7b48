"""The bonuses of a personal account (F061), as the ledger counts them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.money import CurrencyCode, Money
from domain.payment import PaymentMethodKind
from loaders.scope import ReadScope
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class BonusAccount:
    """What an account has of the operator's bonuses; one is worth one unit of `unit` where things are paid with it."""

    balance: Decimal
    unit: str


BONUSES = Statement(
    """
select p.id, p.operator, coalesce(b.balance, 0)
from personal_account p left join ledger_account b on b.account_id = p.id and b.kind = 'BONUS'
where p.id = any($1::bigint[])
""",
    lambda account_id, operator, minor: (account_id, operator, minor),
)


async def bonus_by_account_id(scope: ReadScope, account_ids: Sequence[int]) -> Mapping[int, BonusAccount | None]:
    found: dict[int, BonusAccount | None] = {}
    for account_id, operator, minor in await scope.reads.fetch(BONUSES, account_ids):
        profile = scope.profile_of(operator)
        if profile is None:
            continue
        has_bonuses = profile.loyalty.programme is not None or PaymentMethodKind.BONUS in profile.payments.methods
        if has_bonuses or minor:
            currency: CurrencyCode = profile.operator.currency
            found[account_id] = BonusAccount(Money(minor, currency).amount, profile.loyalty.programme or currency)
    return found
