"""The pause between two payments from one card, whoever pays and for whom (F068, E45)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.payment_refusals import CardTooFrequent
from domain.payment_rules import check_interval
from domain.profile import Profile

# Two payments from one card at once are looked at one after the other.
_LOCK_CARD = "select pg_advisory_xact_lock(hashtextextended($1, 0))"
# What is let go for a reason of ours takes no money from the card, though the bank may not have said so yet.
_LAST_OF_CARD = """
select created_at, now() as now from payment
where operator = $1 and fingerprint = $2 and id is distinct from $3 and failure is null
  and status not in ('DECLINED', 'EXPIRED', 'CANCELLED')
order by created_at desc limit 1
"""


async def too_soon(
    connection: BaseDBAsyncClient, profile: Profile, fingerprint: str | None, *, besides: int | None = None
) -> CardTooFrequent | None:
    """Whether the card has just paid, and nobody else pays with it before the caller commits.

    `besides` is the payment that asks, where it has a row; None for an unknown card, and where there is no pause.
    """
    if fingerprint is None or not profile.payments.card_interval_seconds:
        return None
    operator = profile.operator.id
    await connection.execute_query(_LOCK_CARD, [f"card:{operator}:{fingerprint}"])
    last = await connection.execute_query_dict(_LAST_OF_CARD, [operator, fingerprint, besides])
    return check_interval(last[0]["created_at"], last[0]["now"], profile) if last else None
