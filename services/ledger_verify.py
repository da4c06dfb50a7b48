"""The proof that the ledger is right, on a live database: one snapshot, nothing locked, nothing changed (I17).

PostgreSQL adds up and answers what is wrong, so the proof takes the same little memory here for any number of entries,
and there work_mem and the disk.
"""

from dataclasses import dataclass

from services.bulk_connection import bulk_connection


@dataclass(frozen=True, slots=True)
class LedgerProven:
    """Every rule held for all of these."""

    accounts: int
    transfers: int
    entries: int

    def __str__(self) -> str:
        return (
            f"The ledger is right: {self.accounts:,} accounts, {self.transfers:,} transfers and {self.entries:,} "
            "entries; every balance is the sum of its entries, and every transfer sums to zero."
        )


@dataclass(frozen=True, slots=True)
class LedgerBroken:
    """The first row that breaks a rule; `subject` is `account`, `transfer` or `entry`, amounts are minor units."""

    subject: str
    id: int
    rule: str
    expected: int
    found: int | None

    def __str__(self) -> str:
        found = "nothing" if self.found is None else self.found
        return f"ledger {self.subject} {self.id}: {self.rule}: expected {self.expected}, found {found}"


# What has to hold: whose rule it is, how it reads, and the rows that break it, the first id first, with what the rule
# expects and what was found.
_RULES = (
    (
        "account",
        "the balance is the sum of the entries",
        """
select a.id, coalesce(e.total, 0)::bigint, a.balance
from ledger_account a
left join (select account_id, sum(amount) as total from ledger_entry group by account_id) e on e.account_id = a.id
where a.account_id is not null and a.balance is distinct from coalesce(e.total, 0)
order by a.id
""",
    ),
    (
        "account",
        "the balance less what is reserved is not below the floor",
        """
select id, floor, balance - reserved from ledger_account where balance - reserved < floor order by id
""",
    ),
    (
        "account",
        "nothing is kept of an account that is the operator's own",
        """
select id, 0, balance from ledger_account where account_id is null and balance is not null order by id
""",
    ),
    (
        "entry",
        "it is of a transfer that exists",
        """
select e.id, e.transfer_id, null::bigint from ledger_entry e
where not exists (select from ledger_transfer t where t.id = e.transfer_id) order by e.id
""",
    ),
    (
        "entry",
        "it is of an account that exists",
        """
select e.id, e.account_id, null::bigint from ledger_entry e
where not exists (select from ledger_account a where a.id = e.account_id) order by e.id
""",
    ),
    (
        "transfer",
        "it has two entries or more",
        """
select t.id, 2, coalesce(e.count, 0)
from ledger_transfer t
left join (select transfer_id, count(*) from ledger_entry group by transfer_id) e on e.transfer_id = t.id
where coalesce(e.count, 0) < 2
order by t.id
""",
    ),
    (
        "transfer",
        "the entries sum to zero in each currency",
        """
select e.transfer_id, 0, sum(e.amount)::bigint
from ledger_entry e join ledger_account a on a.id = e.account_id
group by e.transfer_id, a.currency having sum(e.amount) <> 0
order by e.transfer_id
""",
    ),
    (
        "transfer",
        "it moves the money of its own operator only; entries of others",
        """
select t.id, 0, count(*)
from ledger_entry e join ledger_account a on a.id = e.account_id join ledger_transfer t on t.id = e.transfer_id
where a.operator <> t.operator group by t.id order by t.id
""",
    ),
)

_COUNTS = """
select (select count(*) from ledger_account), (select count(*) from ledger_transfer),
  (select count(*) from ledger_entry)
"""

# For sorting and hashing; beyond it PostgreSQL goes to the disk.
_MEMORY = "set local work_mem = '64MB'; set local jit = off"


async def verify(url: str) -> LedgerProven | LedgerBroken:
    """Prove every rule on all that is committed at this moment, or give the first row that breaks one."""
    async with bulk_connection(url) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_MEMORY)
        for subject, rule, offenders in _RULES:
            # Asks PostgreSQL for one row, without telling the planner: for a first row soon it would go by the
            # indexes, and there is none to be found.
            if row := await connection.fetchrow(offenders):
                return LedgerBroken(subject, row[0], rule, row[1], row[2])
        counts = await connection.fetchrow(_COUNTS)
        assert counts is not None
        return LedgerProven(*counts)
