"""Whether all contestants answer the same: of each answer the form in which it can be compared."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from bench.contestants import Running, ask

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00")


def check(contestants: Mapping[str, Running], tokens: list[str], first: int) -> None:
    """Ask everybody for everybody's dashboard. Raises RuntimeError that names the first who answers otherwise."""
    reference, *others = contestants.values()
    for token in tokens:
        expected = _canonical(reference, token, first)
        for other in others:
            answered = _canonical(other, token, first)
            if answered != expected:
                raise RuntimeError(
                    f"{other.contestant.title} answers otherwise than {reference.contestant.title}:\n"
                    f"{_first_difference(expected, answered)}"
                )


def canonical(answer: Mapping[str, Any]) -> str:
    """An answer as text that is the same for the same dashboard.

    The moment of asking is taken out, once it is seen to be one, and packages that end together come in any order.
    """
    return json.dumps(_comparable(answer), ensure_ascii=False, sort_keys=True, indent=1)


def of_postgraphile(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """PostGraphile's answer as Hearth's schema has it.

    It has lists where Relay has pages, minor units (as text) where Hearth has money, PostgreSQL's moments, and the
    number of a row where Hearth has an id; an empty list stands for what the viewer may not see.
    """
    viewer = answer["data"]["viewer"]
    if viewer is None:
        return {"data": {"viewer": None}}
    return {
        "data": {
            "viewer": {
                "user": viewer["user"],
                "household": viewer["household"],
                "linkedNumbers": _page([_line(line) for line in viewer["linkedNumbers"]]),
                "personalAccounts": _page(
                    [
                        {**account, "balance": _balance(account["balance"], "available", "asOf", "stale")}
                        for account in viewer["personalAccounts"]
                    ]
                ),
            }
        }
    }


def _canonical(running: Running, token: str, first: int) -> str:
    answer = ask(running.port, running.contestant, token, first)
    return canonical(of_postgraphile(answer) if running.name == "postgraphile" else answer)


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping):
        found = {key: _comparable(inner) for key, inner in value.items()}
        if _MOMENT.fullmatch(str(found.get("asOf"))):
            found["asOf"] = "now"
        if found.get("remains"):
            found["remains"] = sorted(found["remains"], key=lambda remain: (remain["resetsAt"] or "", remain["name"]))
        return found
    return [_comparable(inner) for inner in value] if isinstance(value, list) else value


def _first_difference(expected: str, answered: str) -> str:
    ours, theirs = expected.splitlines(), answered.splitlines()
    place = next((n for n, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other), 0)
    context = slice(max(place - 4, 0), place + 4)
    return "\n".join(["expected:", *ours[context], "answered:", *theirs[context]])


def _page(nodes: list[Any]) -> dict[str, Any]:
    return {"edges": [{"node": node} for node in nodes]}


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    may = line["myScopes"]
    tariff = line["tariff"]
    return {
        **{name: line[name] for name in ("msisdn", "label", "kind", "status", "isOwn", "myScopes")},
        "id": base64.urlsafe_b64encode(f"Line:{line['lineId']}".encode()).rstrip(b"=").decode(),
        "personalAccount": line["accountNumber"] and {"number": line["accountNumber"], "kind": line["accountKind"]},
        "balance": _balance(line["balance"], "available", "reserved", "nextCharge", "nextChargeAt", "asOf", "stale"),
        "remains": [{**remain, "resetsAt": _moment(remain["resetsAt"])} for remain in line["remains"]]
        if "VIEW" in may
        else None,
        "usage": {"items": line["usage"]} if "USAGE" in may else None,
        "tariff": tariff
        and {
            "tariff": _offer(tariff),
            "since": _moment(tariff["since"]),
            "nextChargeAt": _moment(tariff["nextChargeAt"]),
        },
        "connectedServices": _page(
            [{"service": _offer(service), "since": _moment(service["since"])} for service in line["connectedServices"]]
        )
        if "VIEW" in may
        else None,
    }


def _balance(balance: Mapping[str, Any] | None, *names: str) -> dict[str, Any] | None:
    if balance is None:
        return None
    currency = balance["currency"]
    found = {
        "available": _money(balance["available"], currency),
        "reserved": _money(balance.get("reserved"), currency),
        "nextCharge": _money(balance.get("nextCharge"), currency),
        "nextChargeAt": _moment(balance.get("nextChargeAt")),
        "asOf": _moment(balance["asOf"]),
        "stale": False,
    }
    return {name: found[name] for name in names}


def _offer(offer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": offer["name"],
        "fee": _money(offer["fee"], offer["currency"]),
        "feePeriod": offer["feePeriod"],
    }


def _money(minor: str | None, currency: str) -> dict[str, str] | None:
    return None if minor is None else {"amount": f"{int(minor) / 100:.2f}", "currency": currency}


def _moment(text: str | None) -> str | None:
    """A moment as Hearth writes it: with the parts of a second only where there are any."""
    return text and text.replace(".000000+", "+")
