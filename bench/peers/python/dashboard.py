"""What the dashboard shows, read in batches: by the keys, a mapping to what the schema has of each."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from bench.peers.python.access import names, rights
from bench.peers.python.peer import SETUP

Row = Mapping[str, Any]

# Positions in the statement `session`.
_USER, _LEVEL, _NAME, _MUST_CHANGE_PASSWORD, _LIVE, _WIDGET_LINE = 1, 2, 3, 5, 14, 17


class Reads(Protocol):
    """Whatever sends a statement by its name."""

    async def rows(self, name: str, *values: object) -> Sequence[Any]: ...


class Viewer(NamedTuple):
    """Who is signed in."""

    user_id: int
    level: str
    display_name: str

    @property
    def seen(self) -> tuple[int, str, bool]:
        """The first arguments of what finds the viewer's lines and accounts."""
        return self.user_id, SETUP["operator"], not SETUP["same_operator_only"]


async def authenticate(reads: Reads, authorization: str | None) -> Viewer | None:
    """Whose session a header's token is; None for nobody's."""
    if authorization is None or not authorization.startswith("Bearer "):
        return None
    token = hashlib.sha256(authorization[7:].encode()).hexdigest()
    rows = await reads.rows("session", token, SETUP["operator"], SETUP["idle_seconds"])
    row = rows[0] if rows else None
    if row is None or not row[_LIVE] or row[_WIDGET_LINE] is not None or row[_MUST_CHANGE_PASSWORD]:
        return None
    return Viewer(row[_USER], row[_LEVEL], row[_NAME])


async def linked_numbers(reads: Reads, viewer: Viewer, first: int) -> list[dict[str, Any]]:
    rows = await reads.rows("lines", *viewer.seen, first)
    return [found for row in rows if (found := line(row, viewer))["may"]]


async def personal_accounts(reads: Reads, viewer: Viewer, first: int) -> list[dict[str, Any]]:
    rows = await reads.rows("accounts", *viewer.seen, first)
    return [found for row in rows if (found := account(row, viewer))["may"]]


async def accounts(reads: Reads, viewer: Viewer, ids: Sequence[int]) -> dict[int, Any]:
    rows = await reads.rows("accounts_by_id", *viewer.seen, ids)
    return {row["id"]: found for row in rows if (found := account(row, viewer))["may"]}


async def households(reads: Reads, user_ids: Sequence[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for row in await reads.rows("households", user_ids):
        found.setdefault(row["user_id"], household(row))
    return found


async def balances(reads: Reads, account_ids: Sequence[int]) -> dict[int, Any]:
    return {row["account_id"]: balance(row) for row in await reads.rows("balances", account_ids)}


async def remains(reads: Reads, line_ids: Sequence[int]) -> dict[int, list[Any]]:
    return grouped(await reads.rows("remains", line_ids, False), remain)


async def usage(reads: Reads, line_ids: Sequence[int]) -> dict[int, list[Any]]:
    return grouped(await reads.rows("usage", line_ids, SETUP["zone"]), used)


async def tariffs(reads: Reads, line_ids: Sequence[int]) -> dict[int, Any]:
    return {row["line_id"]: tariff(row) for row in await reads.rows("tariffs", line_ids)}


async def services(reads: Reads, line_ids: Sequence[int]) -> dict[int, list[Any]]:
    return grouped(await reads.rows("services", line_ids), service)


def page(nodes: Iterable[Any]) -> dict[str, Any]:
    """A page, as Relay has it."""
    return {"edges": [{"node": node} for node in nodes]}


def line(row: Row, viewer: Viewer) -> dict[str, Any]:
    may = rights(row, viewer.level)
    return {
        "id": base64.urlsafe_b64encode(b"Line:%d" % row["id"]).rstrip(b"=").decode(),
        "key": row["id"],
        "account_id": row["account_id"],
        "may": may,
        "msisdn": row["msisdn"],
        "label": row["label"],
        "kind": row["kind"],
        "status": row["status"],
        "isOwn": row["is_own"],
        "myScopes": names(may),
    }


def account(row: Row, viewer: Viewer) -> dict[str, Any]:
    may = rights(row, viewer.level)
    return {
        "account_id": row["id"],
        "may": may,
        "number": row["number"],
        "kind": row["kind"],
        "status": row["status"],
    }


def household(row: Row) -> dict[str, Any]:
    return {"name": row["name"], "myRole": row["my_role"], "members": row["members"]}


def balance(row: Row) -> dict[str, Any]:
    currency = row["currency"]
    return {
        "available": money(row["balance"], currency),
        "reserved": money(row["reserved"], currency),
        "nextCharge": None if row["charge"] is None else money(row["charge"], currency),
        "nextChargeAt": row["at"],
        "asOf": row["now"],
        "stale": False,
    }


def remain(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "unit": row["unit"],
        "left": row["left"],
        "total": row["total"],
        "unlimited": row["unlimited"],
        "resetsAt": row["resets_at"],
    }


def used(row: Row) -> dict[str, Any]:
    return {"unit": row["unit"], "used": row["used"], "direction": row["direction"]}


def tariff(row: Row) -> dict[str, Any]:
    return {"tariff": offer(row), "since": row["since"], "nextChargeAt": row["next_charge_at"]}


def service(row: Row) -> dict[str, Any]:
    return {"service": offer(row), "since": row["since"]}


def offer(row: Row) -> dict[str, Any]:
    return {"name": row["name"], "fee": money(row["fee"], SETUP["currency"]), "feePeriod": row["fee_period"]}


def money(minor: int, currency: str) -> dict[str, str]:
    """Whole units from minor ones."""
    return {"amount": f"{minor / 100:.2f}", "currency": currency}


def grouped(rows: Iterable[Row], make: Callable[[Row], Any]) -> dict[int, list[Any]]:
    """Rows by their line, in the order they came."""
    groups: dict[int, list[Any]] = {}
    for row in rows:
        groups.setdefault(row["line_id"], []).append(make(row))
    return groups
