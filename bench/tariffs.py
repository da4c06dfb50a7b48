"""How long recommending tariffs takes over HTTP: ten lines with ninety days of use each (F105).

A production server of its own, with a shop of 100 tariffs and 2,000 services beside the operator's own.
"""

import asyncio
import hashlib
import os
import secrets
import statistics
import time
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx2
import orjson

from bench.own_server import OwnServer, own_server
from tests import family

_OPERATOR = "tele2"
_LINES = 10
_WARM, _ASKED = 5, 40
_ASK = """
{ viewer { linkedNumbers(first: 20) { edges { node { recommendedTariffs {
  tariff { name } estimatedMonthly { amount } saving { amount } reason } } } } } }
"""
_SHOP = """
insert into tariff (operator, code, name, kind, fee, fee_period, connection_fee, included, options, terms,
  family_shareable, archived)
select $1, 'bench-' || n, 'Bench ' || n, 'MOBILE', 10000 + 700 * n, 'MONTH', 0,
  jsonb_build_array(
    jsonb_build_object('unit', 'MINUTE', 'amount', (30 * n)::text),
    jsonb_build_object('unit', 'SMS', 'amount', (10 * n)::text)),
  jsonb_build_array(jsonb_build_object('unit', 'BYTE', 'price_per_step', 5000, 'values',
    (select jsonb_agg((g * 5368709120)::text) from generate_series(1, 6) g))),
  '', false, false
from generate_series(1, 100) n
"""
_SERVICES = """
insert into service (operator, code, name, kind, category, description, fee, fee_period, connection_fee, terms,
  archived, included)
select $1, 'bench-' || n, 'Bench ' || n, 'MOBILE', 'DATA_PACKAGE', '', 1000 + n, 'ONCE', 0, '', false,
  case when n % 10 = 0 then jsonb_build_array(jsonb_build_object(
    'unit', (array['MINUTE', 'SMS', 'BYTE'])[1 + n / 10 % 3], 'amount', (1000 * n)::text)) else '[]' end
from generate_series(1, 2000) n
"""
_HAS = """
insert into tariff_subscription (line_id, tariff_id, since, next_charge_at)
select l.id, (select id from tariff where operator = $1 and code = 'bench-80'), now(), now() + interval '9 days'
from line l join app_user u on u.id = l.user_id where l.operator = $1 and u.display_name = 'Ann'
on conflict (line_id) do update set tariff_id = excluded.tariff_id
"""
_USED = """
insert into usage_day (line_id, day, type, unit, volume, sum)
select l.id, current_date - d, t.type, t.unit, t.volume, 0
from line l join app_user u on u.id = l.user_id cross join generate_series(0, 90) d
cross join (values ('CALL', 'MINUTE', 11), ('SMS', 'SMS', 3), ('INTERNET', 'BYTE', 400000000)) t (type, unit, volume)
where l.operator = $1 and u.display_name = 'Ann' on conflict do nothing
"""
_SESSION = """
insert into session (user_id, operator, token_hash, access_level, created_at, last_seen_at, expires_at)
select id, operator, $2, 'FULL', now(), now(), now() + interval '1 day' from app_user
where operator = $1 and display_name = 'Ann'
"""


def main() -> None:
    """Print the figures of one run."""
    records = [family.person(_OPERATOR, "ann")]
    for index in range(_LINES):
        records += family.mobile(_OPERATOR, "ann", index, "ann")
    people = "\n".join(orjson.dumps(record).decode() for record in records)
    with own_server(operator=_OPERATOR, limits={}, households=20, people=people) as server:
        asyncio.run(_measure(server))


async def _measure(server: OwnServer) -> None:
    token = secrets.token_urlsafe(32)
    database = await asyncpg.connect(server.database_url)
    for statement in (_SHOP, _SERVICES, _HAS, _USED):
        await database.execute(statement, _OPERATOR)
    await database.execute(_SESSION, _OPERATOR, hashlib.sha256(token.encode()).hexdigest())
    await database.execute("analyze")
    await database.close()
    headers = {"authorization": f"Bearer {token}", "x-operator": _OPERATOR}
    address = f"http://{server.host}:{server.port}"
    async with httpx2.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=30) as http:
        for _ in range(_WARM):
            await _ask(http)
        before = _work()
        taken = sorted([await _ask(http) for _ in range(_ASKED)])
        work = (_work() - before) / _ASKED
    print(
        f"{_LINES} lines, 90 days each, over HTTP: median {statistics.median(taken) * 1000:.0f} ms, "
        f"fastest {taken[0] * 1000:.0f} ms, slowest {taken[-1] * 1000:.0f} ms; "
        f"{work * 1000:.0f} ms of the server's own work"
    )


def _work() -> float:
    """The seconds of CPU that the processes we started, but for PostgreSQL, have used; on a busy machine the clock
    tells of the others.
    """
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = stat.read_text().rpartition(")")
            fields = rest.split()
            if int(fields[1]) == os.getpid() and "postgres" not in name:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def _ask(http: httpx2.AsyncClient) -> float:
    started = time.perf_counter()
    answer = (await http.post("/graphql", json={"query": _ASK})).json()
    seconds = time.perf_counter() - started
    edges = answer["data"]["viewer"]["linkedNumbers"]["edges"]
    assert [len(edge["node"]["recommendedTariffs"]) for edge in edges] == [5] * _LINES, answer
    return seconds


if __name__ == "__main__":
    main()
