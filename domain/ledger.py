"""The rules of the ledger: what a transfer of money is, and how low an account may fall (DESIGN 3, I17).

Double entry in whole minor units. A transfer names its accounts by what they are, never by the ids of rows, and
carries a key that is unique for ever: one cause has one effect.
"""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from domain.money import CurrencyCode, Money

MAX_ENTRIES = 16
"""The most entries of one transfer: it locks that many accounts."""

MAX_KEY = 160
"""The longest key of a transfer, in characters."""

_MAX_NAME = 32


class LedgerAccountKind(StrEnum):
    """Whose money an account of the ledger counts."""

    # Of one personal account. Only these keep a balance, and only these are ever locked.
    PERSONAL = "PERSONAL"
    BONUS = "BONUS"
    PROMISED = "PROMISED"

    # The operator's own: one of each, and one CLEARING for each provider. Their balance is the sum of their entries.
    OPENING = "OPENING"
    CLEARING = "CLEARING"
    REVENUE = "REVENUE"
    FEES = "FEES"
    LOYALTY = "LOYALTY"
    ADJUSTMENT = "ADJUSTMENT"


OWNED = frozenset({LedgerAccountKind.PERSONAL, LedgerAccountKind.BONUS, LedgerAccountKind.PROMISED})
"""The kinds that belong to a personal account and keep a balance."""


class TransferKind(StrEnum):
    """Why money moved."""

    OPENING = "OPENING"
    TOP_UP = "TOP_UP"
    FEE = "FEE"
    BETWEEN = "BETWEEN"
    VOUCHER = "VOUCHER"
    BONUS = "BONUS"
    PROMISED = "PROMISED"
    REPAYMENT = "REPAYMENT"
    REFUND = "REFUND"
    ADJUSTMENT = "ADJUSTMENT"


class TransferRejected(ValueError):
    """A transfer that no ledger takes, which only a bug can ask for; the text says why."""


class KeyReused(TransferRejected):
    """A key came back with another operator, kind or other entries than it was posted with."""


@dataclass(frozen=True, slots=True)
class LedgerAccountName:
    """Which account of an operator's ledger is meant.

    `owner` is the id of the personal account for the kinds in `OWNED`, `provider` who holds the money of a
    CLEARING account, such as a bank. Raises `TransferRejected` where a kind and these do not fit.
    """

    kind: LedgerAccountKind
    owner: int | None = None
    provider: str = ""

    def __post_init__(self) -> None:
        if (self.kind in OWNED) != (self.owner is not None):
            raise TransferRejected(f"a {self.kind} account {'needs an' if self.kind in OWNED else 'has no'} owner")
        if (self.kind is LedgerAccountKind.CLEARING) != bool(self.provider) or len(self.provider) > _MAX_NAME:
            raise TransferRejected(f"{self.provider!r} is no provider of a {self.kind} account")


def personal(account_id: int) -> LedgerAccountName:
    """The money of a personal account."""
    return LedgerAccountName(LedgerAccountKind.PERSONAL, account_id)


def bonus(account_id: int) -> LedgerAccountName:
    """The bonuses of a personal account (F061); they come from LOYALTY and go back there."""
    return LedgerAccountName(LedgerAccountKind.BONUS, account_id)


def promised(account_id: int) -> LedgerAccountName:
    """What a personal account was given on trust (F081): as far below zero as it still owes, never above."""
    return LedgerAccountName(LedgerAccountKind.PROMISED, account_id)


def clearing(provider: str) -> LedgerAccountName:
    """The money that a payment provider holds for the operator, or has told of and not yet paid out."""
    return LedgerAccountName(LedgerAccountKind.CLEARING, provider=provider)


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a transfer: a positive amount adds to the account."""

    account: LedgerAccountName
    amount: Money


@dataclass(frozen=True, slots=True)
class Transfer:
    """A movement of money between accounts of one operator.

    It has two to `MAX_ENTRIES` entries, none of nothing and no two of one account, that sum to zero in each
    currency. Raises `TransferRejected` for anything else.
    """

    operator: str
    kind: TransferKind
    key: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.key) <= MAX_KEY or not self.key.isprintable():
            raise TransferRejected(f"a key has 1 to {MAX_KEY} printable characters")
        if not 2 <= len(self.entries) <= MAX_ENTRIES:
            raise TransferRejected(f"a transfer has 2 to {MAX_ENTRIES} entries, not {len(self.entries)}")
        if not all(entry.amount.minor for entry in self.entries):
            raise TransferRejected("an entry of nothing moves no money")
        if len({(entry.account, entry.amount.currency) for entry in self.entries}) < len(self.entries):
            raise TransferRejected("an account has one entry in a transfer")
        sums: defaultdict[CurrencyCode, int] = defaultdict(int)
        for entry in self.entries:
            sums[entry.amount.currency] += entry.amount.minor
        if any(sums.values()):
            raise TransferRejected(f"the entries of {self.key} do not sum to zero")

    @classmethod
    def between(
        cls,
        operator: str,
        kind: TransferKind,
        key: str,
        source: LedgerAccountName,
        target: LedgerAccountName,
        amount: Money,
    ) -> Self:
        """The transfer of a positive amount from one account to another."""
        if amount.minor <= 0:
            raise TransferRejected("an amount above zero moves from the source to the target")
        taken = Money(-amount.minor, amount.currency)
        return cls(operator, kind, key, (Entry(source, taken), Entry(target, amount)))


@dataclass(frozen=True, slots=True)
class Funds:
    """What an account of a kind in `OWNED` holds and how low it may fall, in minor units (I14).

    `floor` is usually the credit limit below zero; lower where a debt is older than the limit, and None where
    nothing limits it. What is reserved cannot be spent.
    """

    balance: int
    reserved: int
    credit_limit: int
    floor: int | None

    @property
    def spendable(self) -> int | None:
        """The largest amount that can leave the account, or None where nothing limits it."""
        return None if self.floor is None else self.balance - self.reserved - self.floor

    def after(self, amount: int) -> "Funds | None":
        """The account once `amount` was added, or None where it would fall below its floor.

        A debt that is repaid cannot be taken again: the floor rises with the balance, up to the credit limit.
        """
        balance = self.balance + amount
        if self.floor is None:
            return Funds(balance, self.reserved, self.credit_limit, None)
        if balance - self.reserved < self.floor:
            return None
        floor = max(self.floor, min(-self.credit_limit, balance - self.reserved))
        return Funds(balance, self.reserved, self.credit_limit, floor)


@dataclass(frozen=True, slots=True)
class Posted:
    """The money moved, now; `transfer_id` is the ledger's."""

    transfer_id: int


@dataclass(frozen=True, slots=True)
class AlreadyPosted:
    """The money moved before, by the same key and the same entries; nothing moved now."""

    transfer_id: int


@dataclass(frozen=True, slots=True)
class InsufficientFunds:
    """Nothing moved: these accounts would have fallen below their floors."""

    accounts: tuple[LedgerAccountName, ...]
