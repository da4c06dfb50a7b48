"""The cabinet beside the model: a database of the example's own, a registry of SIMs, a bank, sessions of everybody."""

import asyncio
import hashlib
import secrets
import shutil
import time
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from domain.payment import CardScheme, ConfirmationKind
from domain.profile import Profile
from gateways.ledger_billing import LedgerBilling
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.in_process import InProcessBank
from gateways.simulators.bank.records import Card
from gateways.simulators.sim_registry import SimulatedRegistry
from models.database import database as connected
from models.reader import reader_pool
from server.graphql_context import Contexts
from server.settings import Settings
from services.payment_row import Desk
from tests.cabinet import Cabinet
from tests.databases import created
from tests.household_machine.picture import Picture, look
from tests.household_machine.records import MOST_NUMBERS, Way
from tests.linking import OPERATOR
from tests.serving import served

T = TypeVar("T")

_SESSION = """
insert into session (user_id, operator, token_hash, access_level, created_at, last_seen_at, expires_at, stepped_up_at)
values ($1, $2, $3, $4, now(), now(), now() + interval '1 day', case when $5 then now() end)
"""
# Whoever waits for a moment waits so much less; sessions stay open, and are so much older.
_WAITED_FOR = {
    "approval_request": ("expires_at",),
    "challenge": ("created_at", "expires_at"),
    "guest_grant": ("expires_at",),
    "household": ("dissolves_at", "owner_absent_since"),
    "invitation": ("expires_at",),
    "line": ("sim_changed_at", "reissued_at"),
    "link_request": ("created_at", "expires_at", "proven_at"),
    "number_link": ("settles_at", "reverify_by"),
    "ownership_transfer": ("requested_at", "accepted_at", "effective_at", "expires_at"),
    "session": ("created_at",),
    "sim_check": ("known_since", "changed_at", "asked_at", "answered_at"),
}


@dataclass
class Ground:
    """What all examples share: PostgreSQL with a template of the village, and the event loop."""

    engine: str
    template: str
    settings: Settings
    profile: Profile
    folder: Path
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    examples: int = 0

    @property
    def profiles(self) -> Mapping[str, Profile]:
        return {OPERATOR: self.profile}


class World:
    """The cabinet on a copy of the village."""

    def __init__(self, ground: Ground) -> None:
        ground.examples += 1
        self.ground = ground
        self.stack = AsyncExitStack()
        self.registry = SimulatedRegistry(ground.folder)
        self.bank = Bank(now=time.time)
        self.tokens: dict[tuple[int, Way], str] = {}
        self.run(self._open())
        self.card = self.bank.make_token(Card("Card", scheme=CardScheme.MIR))

    def close(self) -> None:
        """Forget all of it."""
        self.run(self.stack.aclose())
        shutil.rmtree(self.ground.folder, ignore_errors=True)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What came of it."""
        return self.ground.runner.run(work)

    def ask(self, who: tuple[int, Way] | None, query: str, /, **variables: Any) -> dict[str, Any]:
        """The data that somebody is answered; nobody: a visitor without a session."""
        cabinet = self.anybody.of(OPERATOR, None if who is None else self.tokens[who])
        return self.run(cabinet.data(query, **variables))

    def rows(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What the database answers."""
        return [tuple(row) for row in self.run(self.database.fetch(statement, *arguments))]

    def picture(self) -> Picture:
        """Everything that is stored of households and rights."""
        return self.run(look(self.database))

    def sign_in(self, user: int) -> None:
        """Sessions of a person, one of each kind."""
        for way in Way:
            token = secrets.token_urlsafe(32)
            hashed = hashlib.sha256(token.encode()).hexdigest()
            level = "PARTIAL" if way is Way.PARTIAL else "FULL"
            self.rows(_SESSION, user, OPERATOR, hashed, level, way is Way.PROVEN)
            self.tokens[user, way] = token

    def time_passes(self, seconds: float) -> None:
        """Everything that somebody waits for is so much nearer, and what happened so much longer ago."""
        ago = f"- interval '{seconds} seconds'"
        updates = [
            f"update {table} set " + ", ".join(f"{column} = {column} {ago}" for column in columns)
            for table, columns in _WAITED_FOR.items()
        ]
        self.run(self.database.execute("; ".join(updates)))
        shutil.rmtree(self.ground.folder, ignore_errors=True)

    def forget_counters(self) -> None:
        """How often somebody may ask in an hour or a day is looked at elsewhere."""
        self.run(self.database.execute("delete from counter"))

    def code(self, challenge: str) -> str | None:
        """The digits of a code, if it was sent to anybody."""
        sql = "select body->>'code' from outbox where dedup = $1 and kind <> 'void'"
        found = self.rows(sql, f"challenge:{challenge}")
        return found[0][0] if found else None

    async def _open(self) -> None:
        ground, enter = self.ground, self.stack.enter_async_context
        url = await enter(created(ground.engine, f"household_machine_{ground.examples}", ground.template))
        await enter(connected(url, pool_size=4))
        pool = await enter(reader_pool(url, 2))
        self.database = await asyncpg.connect(url)
        self.stack.push_async_callback(self.database.close)
        desk = Desk(InProcessBank(self.bank), patience_seconds=30.0)
        contexts = Contexts(ground.settings, ground.profiles, LedgerBilling(), pool, {}, desk, self.registry)
        self.anybody = Cabinet(await enter(served(contexts)))


def patient(profile: Profile) -> Profile:
    """The operator's profile with few numbers in a household and nothing that comes too soon or too often."""
    otp = profile.auth.otp.model_copy(
        update={
            "resend_after_seconds": 0,
            "max_sms_per_number_per_hour": 10_000,
            "max_sms_per_minute": 100_000,
            "max_guesses_per_number_per_day": 10_000,
        }
    )
    return profile.model_copy(
        update={
            "auth": profile.auth.model_copy(update={"otp": otp}),
            "linking": profile.linking.model_copy(update={"max_numbers": MOST_NUMBERS}),
            "payments": profile.payments.model_copy(update={"confirmation": ConfirmationKind.NONE}),
        }
    )
