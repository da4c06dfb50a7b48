"""One run: people pay while processes are killed; then it is quiet, and the money is counted."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from models.database import database
from models.reader import SILENT
from tests.chaos.http import LOST, Http
from tests.chaos.load import Codes, Load
from tests.chaos.people import Wallet, sign_in
from tests.chaos.teller import Teller
from tests.chaos.town import OPERATORS, Hit, Town
from tests.chaos.verdict import PENDING, Verdict, balances, judge

_TELLERS = 2
_ANSWERS_PER_KILL = 4
_LONGEST_LIFE_SECONDS = 4.0
_KILLS_PER_BANK_KILL = 60
_KILLS_PER_WORKER_KILL = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is killed, and by how many customers of each operator."""

    kills: int
    postgres_stops: int
    seed: int
    customers: int = 3
    broken: bool = False
    pause_seconds: tuple[float, float] = (0.05, 0.3)
    # After the last kill, until nobody may be waiting any more; and then once more, until nothing may be pending.
    quiet_seconds: float = 30.0


class _Chaos:
    def __init__(self, plan: Plan, town: Town, load: Load, bank: Http, say: Callable[[str], None]) -> None:
        self.hits: list[Hit] = []
        self.stops = 0
        self._plan = plan
        self._town = town
        self._load = load
        self._bank = bank
        self._say = say
        self._chance = random.Random(plan.seed)

    async def reign(self) -> None:
        """Kill and stop until the plan is done."""
        plan, town = self._plan, self._town
        stops = {round((number + 0.5) * plan.kills / plan.postgres_stops) for number in range(plan.postgres_stops)}
        told_at = time.monotonic()
        for number in range(1, plan.kills + 1):
            await self._until_people_get_on()
            await asyncio.sleep(self._chance.uniform(*plan.pause_seconds))
            self.hits.append(await town.kill_worker())
            await town.keep_running()
            if number % _KILLS_PER_BANK_KILL == _KILLS_PER_BANK_KILL // 4:
                town.kill_bank()
            if number % _KILLS_PER_WORKER_KILL == _KILLS_PER_WORKER_KILL // 2:
                town.kill_outbox_worker()
            if number in stops:
                await town.stop_postgres()
                self.stops += 1
            if time.monotonic() - told_at > 5:
                told_at = time.monotonic()
                self._say(
                    f"  {number:,} of {plan.kills:,} kills, {self.stops} stops of PostgreSQL, "
                    f"{len(self._load.wanted):,} payments wanted"
                )

    async def _until_people_get_on(self) -> None:
        """A worker that just started is killed when it has begun to answer, however busy the machine is."""
        enough = self._load.counts["answered"] + _ANSWERS_PER_KILL
        deadline = time.monotonic() + _LONGEST_LIFE_SECONDS
        while self._load.counts["answered"] < enough and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def bad_bank_until(self, over: asyncio.Event) -> None:
        """Now and then the bank is out, or tells nothing for a while and then everything backwards."""
        while not over.is_set():
            for path, told in (
                ("/control", {"everybody": {"fail": True}}),
                ("/control", {"everybody": {}, "webhooks": "held"}),
                ("/control/release", {"backwards": True}),
                ("/control", {"webhooks": "flowing"}),
            ):
                # A bank that was just killed hears nothing; it is asked again the next time round.
                with suppress(*LOST):
                    async with asyncio.timeout(2):
                        await self._bank.json(path, told)
                await asyncio.sleep(self._chance.uniform(0.1, 0.4))
            await asyncio.sleep(self._chance.uniform(0.5, 1.5))


async def run(ground: Path, plan: Plan, say: Callable[[str], None] = print) -> Verdict:
    """Do it, and say what became of the money; nothing is left behind."""
    # asyncpg tells of each connection that it lost.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
    started = time.monotonic()
    async with Town(ground, broken=plan.broken) as town:
        connection = await asyncpg.connect(town.url)
        payers = []
        for operator, (confirmation, households) in OPERATORS.items():
            payers += await sign_in(connection, operator, confirmation, households)
        opening = await balances(connection)
        await connection.close()
        bank = Http(town.bank_port)
        wallet = Wallet(Http(town.bank_port), random.Random(plan.seed))
        await wallet.fill()
        load = Load(town.api_port, town.bank_port, wallet, Codes(town.inbox), payers, plan.seed)
        teller = Teller("beeline", [each.account_id for each in payers if each.operator == "beeline"], plan.seed)
        chaos = _Chaos(plan, town, load, bank, say)
        say(f"  everything runs after {time.monotonic() - started:.0f} s")
        async with database(town.url, pool_size=_TELLERS), asyncio.TaskGroup() as together:
            people = [together.create_task(load.run(operator)) for operator in OPERATORS for _ in range(plan.customers)]
            for name in range(_TELLERS):
                together.create_task(teller.transfer_until(load.over, str(name)))
            together.create_task(teller.check_until(load.over, town.url))
            together.create_task(chaos.bad_bank_until(load.over))
            await chaos.reign()
            await load.end(people, plan.quiet_seconds)
        await _bank_as_one_wishes(bank)
        quiet_after = await _quiet(town, plan.quiet_seconds)
        verdict = await judge(town.url, town.journal, opening, load.wanted, teller.moved)
        for errors in (load.errors, teller.errors):
            verdict.differences += [f"{count:,} times: {error}" for error, count in errors.items()]
        _tell(verdict, chaos, load, teller, town, quiet_after)
        verdict.facts["seconds"] = f"{time.monotonic() - started:.0f}"
        return verdict


async def _bank_as_one_wishes(bank: Http) -> None:
    while True:
        try:
            await bank.json("/control", {"everybody": {}, "webhooks": "flowing"})
            return
        except LOST:
            await asyncio.sleep(0.05)


async def _quiet(town: Town, seconds: float) -> float:
    """How long it took until nothing was pending; `seconds` at most."""
    started = time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        await town.keep_running()
        try:
            connection = await asyncpg.connect(town.url, timeout=5)
            pending = await connection.fetchval(PENDING)
            await connection.close()
            if not pending:
                return passed
        except (*SILENT, asyncpg.PostgresError):
            pass
        await asyncio.sleep(0.2)
    return seconds


def _tell(verdict: Verdict, chaos: _Chaos, load: Load, teller: Teller, town: Town, quiet_after: float) -> None:
    hits = chaos.hits
    full = sum(1 for hit in hits if hit.transactions or hit.requests)
    verdict.facts = {
        "kills of API workers": len(hits),
        "  with a transaction open": sum(1 for hit in hits if hit.transactions),
        "  with a payment on its way": sum(1 for hit in hits if hit.requests),
        "  with one or the other": full,
        "stops of PostgreSQL": chaos.stops,
        "kills of the bank": town.bank_kills,
        "workers started": town.starts,
        "nothing pending after": f"{quiet_after:.1f} s",
        "requests": load.counts["requests"],
        "  never answered": load.counts["unanswered"],
        "double submits": load.counts["double submits"],
        "conflicting submits": load.counts["conflicting submits"],
        "cancels": load.counts["cancels"],
        "bank checks": teller.checks,
        **verdict.facts,
    }
    if full * 2 < len(hits):
        verdict.differences.append(f"only {full:,} of {len(hits):,} kills hit anything: that proves too little")
