"""What became of the money: the bank's journal, the payments, the ledger and the payers' memory, compared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from gateways.simulators.bank.journal import charges
from services.ledger_verify import LedgerProven, verify
from tests.chaos.load import Wanted
from tests.chaos.teller import Moved

_PAYMENTS = """
select p.id, p.payer_id, p.key, p.provider_key::text as provider_key, p.status, p.account_id, p.amount, p.fee,
  t.id as transfer_id,
  (select -sum(e.amount)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id
   where e.transfer_id = t.id and a.kind = 'CLEARING') as charged,
  (select sum(e.amount)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id
   where e.transfer_id = t.id and a.kind = 'PERSONAL' and a.account_id = p.account_id) as credited
from payment p left join ledger_transfer t on t.key = 'payment:' || p.id
"""
_STRAY = """
select count(*) from ledger_transfer t where t.kind = 'TOP_UP'
  and not exists (select from payment p where t.key = 'payment:' || p.id)
"""
_BALANCES = "select account_id, balance from ledger_account where kind = 'PERSONAL'"
_TRANSFERS = "select key from ledger_transfer where kind = 'BETWEEN'"
PENDING = "select count(*) from payment where status in ('PROCESSING', 'AWAITING_CONFIRMATION')"
_SHOWN = 5


@dataclass
class Verdict:
    """How much was compared, and whatever differs: nothing, if no money was lost or doubled."""

    facts: dict[str, int | str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def differ(self, what: str, these: Sequence[object]) -> None:
        """Note what should not be there; a few examples are enough."""
        if these:
            examples = ", ".join(str(each) for each in these[:_SHOWN])
            self.differences.append(f"{len(these):,} {what}: {examples}{', …' if len(these) > _SHOWN else ''}")

    def __str__(self) -> str:
        width = max(map(len, self.facts), default=0)
        lines = [
            f"  {name:<{width}}  {value:,}" if isinstance(value, int) else f"  {name:<{width}}  {value}"
            for name, value in self.facts.items()
        ]
        ends = [f"  DIFFERS: {each}" for each in self.differences] or ["  0 lost, 0 doubled."]
        return "\n".join([*lines, *ends])


async def balances(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[int, int]:
    """What each personal account holds, in minor units."""
    return {row["account_id"]: row["balance"] for row in await connection.fetch(_BALANCES)}


async def judge(
    url: str, journal: Path, opening: Mapping[int, int], wanted: Sequence[Wanted], moved: Mapping[str, Moved]
) -> Verdict:
    """Compare everything with everything, once nobody changes anything any more."""
    connection = await asyncpg.connect(url, timeout=5)
    try:
        rows = [dict(row) for row in await connection.fetch(_PAYMENTS)]
        closing = await balances(connection)
        posted = {row["key"] for row in await connection.fetch(_TRANSFERS)}
        stray = await connection.fetchval(_STRAY)
    finally:
        await connection.close(timeout=1)
    verdict = Verdict()
    _compare_with_the_bank(verdict, rows, {key: money.minor for key, money in charges(journal).items()})
    _compare_with_the_payers(verdict, rows, wanted)
    verdict.differ("top-ups in the ledger without a payment", [stray] * bool(stray))
    verdict.differ(
        "transfers between accounts that were told otherwise than they are",
        [key for key, each in moved.items() if each.posted is not None and each.posted is not (key in posted)],
    )
    _compare_balances(verdict, rows, opening, closing, {key: moved[key] for key in posted if key in moved})
    verified = await verify(url)
    if not isinstance(verified, LedgerProven):
        verdict.differences.append(str(verified))
    verdict.facts |= {"transfers between accounts": len(posted), "ledger": str(verified)}
    return verdict


def _compare_with_the_bank(verdict: Verdict, rows: Sequence[dict[str, Any]], charged: Mapping[str, int]) -> None:
    """One charge, one completed payment, one transfer, of the same amount; otherwise none of them."""
    ours = {row["provider_key"]: row for row in rows}
    verdict.differ("charges of the bank that no payment knows (lost)", sorted(charged.keys() - ours.keys()))
    credited = 0
    lost, doubled, wrong = [], [], []
    for key, row in ours.items():
        total = charged.get(key, 0)
        got = row["charged"] or 0
        credited += got
        if total and not got:
            lost.append(f"payment {row['id']} {row['status']}")
        elif got and not total:
            doubled.append(f"payment {row['id']} {row['status']}")
        elif got != total or (row["credited"] or 0) + row["fee"] * bool(got) != got:
            wrong.append(f"payment {row['id']}: charged {total}, credited {row['credited']}")
        if (row["status"] == "COMPLETED") is not (row["transfer_id"] is not None):
            wrong.append(f"payment {row['id']} is {row['status']} with transfer {row['transfer_id']}")
    verdict.differ("payments charged and not credited (lost)", lost)
    verdict.differ("payments credited and not charged (doubled)", doubled)
    verdict.differ("payments of other amounts or states than the ledger has", wrong)
    statuses = Counter(row["status"] for row in rows)
    pending = statuses["PROCESSING"] + statuses["AWAITING_CONFIRMATION"]
    verdict.differ("payments that are still pending", [f"{pending} of them"] * pending)
    verdict.facts |= {
        "payments": len(rows),
        "  of these": ", ".join(f"{count:,} {name}" for name, count in sorted(statuses.items())),
        "charged by the bank": sum(charged.values()),
        "credited in the ledger": credited,
    }
    if sum(charged.values()) != credited:
        verdict.differences.append("what the bank charged is not what the ledger credited")


def _compare_with_the_payers(verdict: Verdict, rows: Sequence[dict[str, Any]], wanted: Sequence[Wanted]) -> None:
    """One payment for each key of a payer's, as it was wanted; what was told to be done is done."""
    by_key: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in rows:
        by_key.setdefault((row["payer_id"], row["key"]), []).append(row)
    verdict.differ("keys with several payments", [key for key, these in by_key.items() if len(these) > 1])
    told, wrong = [], []
    for each in wanted:
        found = by_key.pop((each.payer.user_id, each.key), None)
        if found is None:
            if each.told is not None:
                told.append(f"{each.key} was {each.told} and is nowhere")
        elif (found[0]["account_id"], found[0]["amount"]) != (each.account_id, each.minor):
            wrong.append(each.key)
        elif each.was_told_completed and found[0]["status"] != "COMPLETED":
            told.append(f"{each.key} was told COMPLETED and is {found[0]['status']}")
    verdict.differ("payments that were told of and are not so (lost)", told)
    verdict.differ("payments of another account or amount than was wanted", wrong)
    verdict.differ("payments that nobody wanted", list(by_key))


def _compare_balances(
    verdict: Verdict,
    rows: Sequence[dict[str, Any]],
    opening: Mapping[int, int],
    closing: Mapping[int, int],
    moved: Mapping[str, Moved],
) -> None:
    """Balance = opening + what was paid in + what was moved, by our own account of it, for each personal account."""
    expected = Counter(dict(opening))
    for row in rows:
        if row["status"] == "COMPLETED":
            expected[row["account_id"]] += row["amount"]
    for each in moved.values():
        expected[each.source] -= each.minor
        expected[each.target] += each.minor
    off = [
        f"account {account}: expected {expected[account]}, found {closing.get(account, 0)}"
        for account in sorted(expected.keys() | closing.keys())
        if expected[account] != closing.get(account, 0)
    ]
    verdict.differ("balances that are not opening + Σ of what happened", off)
