"""The dashboard as one hand-written endpoint of six statements: what there is to win at most."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.peers.python import dashboard
from bench.peers.python.access import USAGE, VIEW
from bench.peers.python.peer import SETUP, Reads, open_pool

_SERVICES = 20

_pool: "asyncpg.Pool[asyncpg.Record]"


async def _dashboard(request: Request) -> Response:
    """`first` is how many lines and accounts are listed at most."""
    await request.body()
    first = int(request.query_params["first"])
    reads = Reads(_pool)
    try:
        viewer = await dashboard.authenticate(reads, request.headers.get("authorization"))
        shown = None if viewer is None else await _shown(reads, viewer, first)
    finally:
        await reads.release()
    return Response(orjson.dumps({"data": {"viewer": shown}}), media_type="application/json")


async def _shown(reads: Reads, viewer: dashboard.Viewer, first: int) -> dict[str, Any]:
    households = await dashboard.households(reads, [viewer.user_id])
    accounts = {
        row["id"]: {**dashboard.account(row, viewer), "money": dashboard.balance(row) if row["currency"] else None}
        for row in await reads.rows("accounts_with_balances", *viewer.seen)
    }
    rows = await reads.rows("lines_with_tariffs", *viewer.seen, first, SETUP["zone"])
    lines = [(row, found) for row in rows if (found := dashboard.line(row, viewer))["may"]]
    seen = [found["key"] for _, found in lines if found["may"] & VIEW]
    remains = await dashboard.remains(reads, seen)
    services = await dashboard.services(reads, seen)
    return {
        "user": {"displayName": viewer.display_name},
        "household": households.get(viewer.user_id),
        "linkedNumbers": dashboard.page(_line(row, found, accounts, remains, services) for row, found in lines),
        "personalAccounts": dashboard.page(
            {
                "number": account["number"],
                "kind": account["kind"],
                "status": account["status"],
                "balance": _now(account["money"]) if account["may"] & VIEW else None,
            }
            for account in itertools.islice(accounts.values(), first)
            if account["may"]
        ),
    }


def _line(
    row: dashboard.Row,
    found: dict[str, Any],
    accounts: dict[int, dict[str, Any]],
    remains: dict[int, list[Any]],
    services: dict[int, list[Any]],
) -> dict[str, Any]:
    key, may, account = found["key"], found["may"], accounts.get(found["account_id"])
    sees = bool(may & VIEW)
    return {
        **{name: found[name] for name in ("id", "msisdn", "label", "kind", "status", "isOwn", "myScopes")},
        "balance": account["money"] if sees and account else None,
        "remains": remains.get(key, []) if sees else None,
        "usage": {"items": row["usage"] or []} if may & USAGE else None,
        "tariff": dashboard.tariff(row) if sees and row["fee"] is not None else None,
        "connectedServices": dashboard.page(services.get(key, [])[:_SERVICES]) if sees else None,
        "personalAccount": {"number": account["number"], "kind": account["kind"]}
        if account and account["may"]
        else None,
    }


def _now(money: dict[str, Any] | None) -> dict[str, Any] | None:
    return money and {name: money[name] for name in ("available", "asOf", "stale")}


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    global _pool
    _pool = await open_pool()
    yield
    await _pool.close()


app = Starlette(routes=[Route("/dashboard", _dashboard, methods=["POST"])], lifespan=_lifespan)
