"""Who pays, and the bank's tokens that they pay with."""

import hashlib
import random
import secrets
from dataclasses import dataclass

import asyncpg

from domain.payment import ConfirmationKind, DeclineReason
from gateways.simulators.bank.records import Behaviour
from tests.chaos.http import Http

# Payers of each operator. A code goes to one number once at a time, so whoever pays by code pays alone.
_PAYERS = """
select l.operator, u.id as user_id, g.value as msisdn, l.account_id
from line l join app_user u on u.id = l.user_id join login g on g.user_id = u.id and g.kind = 'MSISDN'
join personal_account a on a.id = l.account_id
where l.operator = $1 and g.value = l.msisdn and l.status = 'ACTIVE' and a.status = 'ACTIVE'
  and not a.cash_payments_banned
order by l.id limit $2
"""
# Some wait for their turn for longer than a session may idle, in a run of a thousand kills.
_SESSION = """
insert into session (user_id, operator, token_hash, access_level, created_at, last_seen_at, expires_at)
values ($1, $2, $3, 'FULL', now(), now() + interval '1 day', now() + interval '1 day')
"""

# What can happen to a payment, and how often, by the means that it is made with.
BEHAVIOURS: tuple[tuple[int, Behaviour], ...] = (
    (50, Behaviour()),
    (10, Behaviour(lose_answer=True)),
    (4, Behaviour(lose_answer=True, copies=0)),
    (6, Behaviour(answer_after=0.4)),
    (1, Behaviour(answer_after=6.0)),
    (8, Behaviour(settle_after=0.6)),
    (8, Behaviour(copies=3)),
    (6, Behaviour(notify_after=1.5, copies=2)),
    (4, Behaviour(copies=0)),
    (4, Behaviour(decline=DeclineReason.INSUFFICIENT_FUNDS)),
    (2, Behaviour(decline=DeclineReason.FRAUD_SUSPECTED, lose_answer=True)),
)


@dataclass(frozen=True, slots=True)
class Payer:
    """Somebody who is signed in, and how their operator has payments confirmed."""

    operator: str
    user_id: int
    msisdn: str
    account_id: int
    token: str
    confirmation: ConfirmationKind

    @property
    def headers(self) -> dict[str, str]:
        """What each request of theirs carries."""
        return {
            "x-operator": self.operator,
            "authorization": f"Bearer {self.token}",
            "accept": "application/graphql-response+json",
        }


async def sign_in(
    connection: "asyncpg.Connection[asyncpg.Record]", operator: str, confirmation: ConfirmationKind, count: int
) -> list[Payer]:
    """So many payers of an operator, each with a session."""
    payers = []
    for row in await connection.fetch(_PAYERS, operator, count):
        token = secrets.token_urlsafe(32)
        await connection.execute(_SESSION, row["user_id"], operator, hashlib.sha256(token.encode()).hexdigest())
        payers.append(Payer(operator, row["user_id"], row["msisdn"], row["account_id"], token, confirmation))
    return payers


class Wallet:
    """Tokens of cards that behave in every way; each card of its own where an operator tells cards apart."""

    def __init__(self, bank: Http, chance: random.Random) -> None:
        self._bank = bank
        self._chance = chance
        self._shared: dict[Behaviour, str] = {}

    async def fill(self) -> None:
        """Make a card for each behaviour."""
        for _, behaviour in BEHAVIOURS:
            self._shared[behaviour] = await self._card(behaviour, "shared")

    async def card(self, *, own: bool) -> str:
        """The token of some card; `own`: of one that nobody has paid with yet."""
        weights, behaviours = zip(*BEHAVIOURS, strict=True)
        [behaviour] = self._chance.choices(behaviours, weights)
        return await self._card(behaviour, secrets.token_hex(8)) if own else self._shared[behaviour]

    async def _card(self, behaviour: Behaviour, fingerprint: str) -> str:
        told = {
            "title": "Chaos",
            "scheme": "MIR",
            "last_four": "2204",
            "issuer_country": "RU",
            "fingerprint": fingerprint,
            "behaviour": behaviour,
        }
        token: str = (await self._bank.json("/tokens", told))["token"]
        return token
