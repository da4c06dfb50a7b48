"""The accounts of social networks that open a user's cabinet (F021), by the time they were bound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.sign_in import SocialProvider
from loaders.batch import grouped
from loaders.scope import ReadScope
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class SocialAccount:
    """An account that its owner recognises by its title; the network's own id of it stays inside."""

    id: int
    user_id: int
    provider: SocialProvider
    title: str
    linked_at: datetime


SOCIAL_ACCOUNTS = Statement(
    """
select id, user_id, provider, title, linked_at from social_account
where user_id = any($1::bigint[]) order by linked_at, id
""",
    lambda id_, user_id, provider, title, linked_at: SocialAccount(
        id_, user_id, SocialProvider(provider), title, linked_at
    ),
)


async def social_accounts_by_user_id(scope: ReadScope, user_ids: Sequence[int]) -> Mapping[int, list[SocialAccount]]:
    return grouped(await scope.reads.fetch(SOCIAL_ACCOUNTS, user_ids), lambda account: account.user_id)
