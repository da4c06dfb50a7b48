"""What a page of a catalogue of 2,000 services costs, and a search in it: CPU time of the server and of PostgreSQL.

A production server of one process on a private PostgreSQL; one client asks over HTTP, one question after the other.
CPU time is what the kernel counted for the processes, so a busy machine makes it slower by the clock, not by these
figures. The goals are 10 ms of the server for a first page and 25 ms for a search.
"""

import asyncio
import hashlib
import os
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

from bench.own_server import ROOT, OwnServer, own_server
from bench.processes import cpu_seconds
from domain.profile import read_profiles
from services import catalogue
from tests.chaos.http import Http

_OPERATOR = "beeline"
_SERVICES = 2_000
_WARM = 50
_TIMED = 400

_NODE = "id code name category description fee { amount currency } feePeriod connectionFee { amount currency } terms"
_PAGE = f"""
query ($filter: ServiceFilter, $after: String) {{
  services(filter: $filter, first: 20, after: $after) {{
    totalCount pageInfo {{ hasNextPage endCursor }} edges {{ node {{ {_NODE} }} }}
  }}
}}
"""
_WITH_RELATIONS = _PAGE.replace("terms", "terms included { unit amount } incompatibleWith { name } requires { name }")
_QUESTIONS: dict[str, tuple[str, dict[str, Any], float | None]] = {
    "first page": (_PAGE, {}, 10.0),
    "first page with relations": (_WITH_RELATIONS, {}, None),
    "search, one word": (_PAGE, {"search": "безлимит"}, 25.0),
    "search, three words": (_PAGE, {"search": "ЁЛКА роуминг 17"}, 25.0),
    "search, nothing found": (_PAGE, {"search": "ничего такого"}, 25.0),
    "category and search": (_PAGE, {"categories": ["ROAMING"], "search": "роуминг", "paidOnly": True}, 25.0),
    "what a line may be offered": (_PAGE, {"availableForLine": "{line}"}, None),
}
_SESSION = """
with owner as (
  select l.id as line_id, l.user_id from line l where l.operator = $1 and l.kind = 'MOBILE' and l.user_id is not null
  order by l.id limit 1
), opened as (
  insert into session (user_id, operator, token_hash, access_level, created_at, last_seen_at, expires_at)
  select user_id, $1, $2, 'FULL', now(), now(), now() + interval '1 day' from owner
)
select line_id from owner
"""


def main() -> None:
    """Print the figures of one run."""
    with own_server(operator=_OPERATOR, limits={}, households=20, people="") as server:
        asyncio.run(_measure(server))


async def _measure(server: OwnServer) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalogue.toml"
        file.write_text(_catalogue(), "utf-8")
        started = time.perf_counter()
        changes = await catalogue.import_file(server.database_url, file, read_profiles(ROOT / "operators")[_OPERATOR])
        print(f"import of {len(changes.added):,} new entries: {time.perf_counter() - started:.2f} s by the clock")
    token = secrets.token_urlsafe(32)
    connection = await asyncpg.connect(server.database_url)
    try:
        line_id = await connection.fetchval(_SESSION, _OPERATOR, hashlib.sha256(token.encode()).hexdigest())
        await connection.execute("analyze")
        http = Http(server.port, {"x-operator": _OPERATOR, "authorization": f"Bearer {token}"})
        line = (await http.json("/graphql", {"query": _LINE}))["data"]["viewer"]["linkedNumbers"]["edges"][0]["node"]
        assert line_id is not None
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {_TIMED} questions of each kind\n")
        print("| question | found | server, ms of CPU | PostgreSQL, ms of CPU | median by the clock, ms | goal |")
        print("| --- | --- | --- | --- | --- | --- |")
        for name, (query, wanted, goal) in _QUESTIONS.items():
            told = {key: line["id"] if value == "{line}" else value for key, value in wanted.items()}
            await _ask(server, connection, http, name, {"query": query, "variables": {"filter": told}}, goal)
    finally:
        await connection.close()


_LINE = "{ viewer { linkedNumbers(first: 1) { edges { node { id } } } } }"


async def _ask(
    server: OwnServer, connection: Any, http: Http, name: str, question: dict[str, Any], goal: float | None
) -> None:
    for _ in range(_WARM):
        answer = await http.json("/graphql", question)
    found = answer["data"]["services"]["totalCount"]
    backends = [
        row["pid"]
        for row in await connection.fetch(
            "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )
    ]
    before, database_before = cpu_seconds([server.pid]), cpu_seconds(backends)
    clock: list[float] = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        await http.json("/graphql", question)
        clock.append(time.perf_counter() - started)
    ours, database = cpu_seconds([server.pid]) - before, cpu_seconds(backends) - database_before
    shown = "–" if goal is None else f"< {goal:.0f} ms"
    print(
        f"| {name} | {found:,} | {ours / _TIMED * 1000:.1f} | {database / _TIMED * 1000:.1f} "
        f"| {sorted(clock)[_TIMED // 2] * 1000:.1f} | {shown} |",
        flush=True,
    )


def _catalogue() -> str:
    """Beeline's own, and services up to 2,000."""
    own = (ROOT / "operators" / _OPERATOR / "catalogue.toml").read_text("utf-8")
    categories = ["DATA_PACKAGE", "MINUTE_PACKAGE", "ROAMING", "ENTERTAINMENT", "UNLIMITED", "OTHER"]
    words = ["Безлимит", "Роуминг", "Ёлка", "Семья", "Выходные", "Музыка", "Кино"]
    invented = "".join(
        f"""
[[services]]
code = "bench-{n}"
name = "{words[n % 7]} {words[n // 7 % 7].lower()} {n}"
kind = "{"INTERNET" if n % 9 == 0 else "MOBILE"}"
category = "{categories[n % 6]}"
description = "{" ".join(words[(n * k) % 7] for k in range(1, 9))}: {"услуга для тех, кому всегда мало. " * 3}"
fee = "{n % 500}"
period = "{"ONCE" if n % 4 == 0 else "MONTH"}"
included = [{{ unit = "GB", amount = {1 + n % 20} }}]
{f'incompatible = ["bench-{n - 9}"]' if n % 3 == 0 and n > 9 else ""}
"""
        for n in range(_SERVICES - own.count("[[services]]"))
    )
    return own + invented


if __name__ == "__main__":
    main()
