"""Rights as a transaction that depends on them sees them (I8, I14), and what ends with them (E31)."""

from collections.abc import Iterable
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import AccessLevel, Scope, scopes
from domain.profile import Profile
from models import autopay
from models.standing import standing_to


async def rights_over(
    connection: BaseDBAsyncClient,
    profile: Profile,
    user_id: int,
    *,
    account_id: int,
    line_id: int | None,
    level: AccessLevel = AccessLevel.FULL,
) -> frozenset[Scope]:
    """What a user may do with a line, or with an account where no line is meant, at this moment."""
    stands = await standing_to(connection, profile.operator.id, user_id, account_id=account_id, line_id=line_id)
    return scopes(stands, level, profile, datetime.now(profile.operator.zone).date())


async def stop_unentitled(
    connection: BaseDBAsyncClient,
    profile: Profile,
    user_ids: Iterable[int],
    *,
    account_id: int,
    line_id: int | None,
    because: str,
) -> None:
    """Stop automatic payments into an account by those who have no right to them any more, in the transaction that
    took it from them. A payment that is on its way goes to its target (I12).
    """
    for user_id in sorted(set(user_ids)):
        if Scope.AUTOPAY not in await rights_over(connection, profile, user_id, account_id=account_id, line_id=line_id):
            await autopay.stop_for(connection, user_id=user_id, account_id=account_id, because=because)
