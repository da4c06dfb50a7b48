"""How many transfers a second the ledger takes, and how long the proof of a million entries takes.

A private PostgreSQL in a temporary folder, durable as in production: a transfer counts once it is on the disk. The
statement goes bare through asyncpg, as `services/ledger.py` sends it, each in a transaction of its own.
"""

import asyncio
import itertools
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from bench.own_server import ROOT
from server.embedded_postgres import EmbeddedPostgres
from services.bulk_connection import Connection, bulk_connection
from services.ledger import POST

_ACCOUNTS = 100_000
_TRANSFERS = 500_000
_POSTS = 3_000
_WARM_POSTS = 30
_CONNECTIONS = (1, 16)

# Personal accounts without people or contracts, and their money written past the triggers: the checks of a million
# entries, one by one, are not what is measured.
_FILL = f"""
set session_replication_role = replica;
insert into personal_account (id, operator, number, kind, contract_id, status, cash_payments_banned)
select n, 'beeline', n::text, 'MOBILE', 1, 'ACTIVE', false from generate_series(1, {_ACCOUNTS}) n;
insert into ledger_account (id, operator, kind, account_id, provider, currency, balance, reserved, credit_limit, floor)
select n, 'beeline', 'PERSONAL', n, '', 'RUB', 0, 0, 0, 0 from generate_series(1, {_ACCOUNTS}) n
union all select {_ACCOUNTS} + 1, 'beeline', 'CLEARING', null, 'bank', 'RUB', null, 0, 0, null;
insert into ledger_transfer (id, operator, kind, key, at)
select n, 'beeline', 'TOP_UP', 'bench:' || n, now() from generate_series(1, {_TRANSFERS}) n;
insert into ledger_entry (transfer_id, account_id, amount)
select n, e.account_id, e.amount from generate_series(1, {_TRANSFERS}) n
cross join lateral (
  values (1 + n * 7919::bigint % {_ACCOUNTS}, 100 + n % 1000), ({_ACCOUNTS} + 1, -100 - n % 1000)
) as e (account_id, amount);
update ledger_account a set balance = e.total
from (select account_id, sum(amount) as total from ledger_entry group by account_id) e
where e.account_id = a.id and a.account_id is not null;
select setval('ledger_transfer_id_seq', {_TRANSFERS}), setval('ledger_account_id_seq', {_ACCOUNTS} + 1);
set session_replication_role = origin;
analyze;
"""

_keys = itertools.count()


def main() -> None:
    """Print the figures of one run."""
    folder = Path(tempfile.mkdtemp(prefix="hearth-bench-"))
    # PostgreSQL runs as an unprivileged user where we are root.
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(folder / "database") as url:
            environment = {**os.environ, "HEARTH_ENV": "development", "HEARTH_DATABASE_URL": url}
            environment |= {"HEARTH_DATA": str(folder / "data"), "PYTHONPATH": str(ROOT)}
            _hearth(environment, "migrate")
            asyncio.run(_fill(url))
            seconds = [_hearth(environment, "ledger", "verify") for _ in range(3)]
            print(
                f"`hearth ledger verify` of {2 * _TRANSFERS:,} entries, three times: "
                + ", ".join(f"{each:.1f} s" for each in seconds)
            )
            for connections, told in itertools.product(_CONNECTIONS, (False, True)):
                rate = asyncio.run(_rate(url, connections, told))
                print(
                    f"{connections:2} connections, {'balances told' if told else 'nobody told  '}: "
                    f"{rate:,.0f} transfers/s"
                )
            _hearth(environment, "ledger", "verify")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hearth(environment: dict[str, str], *words: str) -> float:
    started = time.perf_counter()
    subprocess.run([ROOT / "hearth", *words], env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


async def _fill(url: str) -> None:
    async with bulk_connection(url) as connection:
        await connection.execute(_FILL)


async def _rate(url: str, connections: int, told: bool) -> float:
    """Top-ups a second of random accounts; `told` has the watchers of each balance told."""
    async with AsyncExitStack() as stack:
        pool = [await stack.enter_async_context(bulk_connection(url)) for _ in range(connections)]
        for connection in pool:
            await _post(connection, iter(range(_WARM_POSTS)), told)
        waiting = iter(range(_POSTS))
        started = time.perf_counter()
        await asyncio.gather(*(_post(connection, waiting, told) for connection in pool))
        return _POSTS / (time.perf_counter() - started)


async def _post(connection: Connection, waiting: Iterator[int], told: bool) -> None:
    for _ in waiting:
        account = random.randint(1, _ACCOUNTS)  # noqa: S311 - a choice, not a secret
        entries = [["PERSONAL", "CLEARING"], [account, None], ["", "bank"], ["RUB", "RUB"], [100, -100]]
        payloads = [f"balance:{account}"] if told else []
        row = await connection.fetchrow(POST, "beeline", *entries, "TOP_UP", f"post:{next(_keys)}", payloads)
        assert row is not None
        assert row["transfer_id"] is not None


if __name__ == "__main__":
    main()
