"""Transfers between people's accounts, each posted twice, and a bank check that adds everything up all along."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass

import asyncpg
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import AlreadyPosted, InsufficientFunds, Posted, Transfer, TransferKind, personal
from domain.money import CurrencyCode, Money
from models.database import NotBegun, tx
from models.reader import SILENT
from services.ledger import post

# One statement, so one snapshot: what people have, and whether each currency sums to nothing.
CHECK = """
select
  (select coalesce(max(abs(total)), 0)::bigint from (
    select sum(e.amount) as total from ledger_entry e join ledger_account a on a.id = e.account_id group by a.currency
  ) sums) as unbalanced,
  (select count(*) from ledger_account a where a.account_id is not null and a.balance <> (
    select coalesce(sum(e.amount), 0) from ledger_entry e where e.account_id = a.id)) as wrong
"""
_CHECK_SECONDS = 0.5
_RETRY_SECONDS = 0.05


@dataclass(slots=True)
class Moved:
    """A transfer that was wanted, and whether it was told to be posted: None where nobody could tell."""

    source: int
    target: int
    minor: int
    posted: bool | None = None


class Teller:
    """Moves money between accounts of one operator until it is over."""

    def __init__(self, operator: str, accounts: list[int], seed: int) -> None:
        self.moved: dict[str, Moved] = {}
        self.errors: Counter[str] = Counter()
        self.checks = 0
        self._operator = operator
        self._accounts = accounts
        self._chance = random.Random(seed)

    async def transfer_until(self, over: asyncio.Event, name: str) -> None:
        """Each transfer is repeated with its key until somebody says what became of it, and once more after that."""
        number = 0
        while not over.is_set():
            number += 1
            source, target = self._chance.sample(self._accounts, 2)
            key = f"chaos:{name}:{number}"
            moved = self.moved[key] = Moved(source, target, self._chance.randint(1, 5000))
            amount = Money(moved.minor, CurrencyCode.RUB)
            transfer = Transfer.between(
                self._operator, TransferKind.BETWEEN, key, personal(source), personal(target), amount
            )
            first = await self._post(transfer)
            moved.posted = not isinstance(first, InsufficientFunds)
            if moved.posted and not isinstance(await self._post(transfer), AlreadyPosted):
                self.errors["a transfer was posted twice"] += 1
            await asyncio.sleep(self._chance.uniform(0, 0.05))

    async def check_until(self, over: asyncio.Event, url: str) -> None:
        """The bank check: Σ of all entries is nothing and each balance is the sum of its entries, at any moment."""
        while not over.is_set():
            try:
                connection = await asyncpg.connect(url, timeout=5)
                try:
                    while not over.is_set():
                        row = await connection.fetchrow(CHECK)
                        assert row is not None
                        self.checks += 1
                        if row["unbalanced"] or row["wrong"]:
                            self.errors[f"the bank check: {dict(row)}"] += 1
                        await asyncio.sleep(_CHECK_SECONDS)
                finally:
                    await connection.close(timeout=1)
            except (*SILENT, asyncpg.PostgresError):
                await asyncio.sleep(_RETRY_SECONDS)

    async def _post(self, transfer: Transfer) -> Posted | AlreadyPosted | InsufficientFunds:
        async def work(connection: BaseDBAsyncClient) -> Posted | AlreadyPosted | InsufficientFunds:
            return await post(connection, transfer)

        while True:
            try:
                return await tx(work)
            except (*SILENT, NotBegun, asyncpg.PostgresError):
                await asyncio.sleep(_RETRY_SECONDS)
