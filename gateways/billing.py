"""What billing tells: balances, package remains and usage, always in bulk.

The ledger decides about money; billing is only read. An adapter may answer slowly or not at all: the loaders
wait two seconds and then show what was last known.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, Protocol

from domain.money import CurrencyCode, Money
from domain.usage import ChargeType, PackageSource, UsageUnit
from models.reader import Reader

_CURRENCIES = {currency.value: currency for currency in CurrencyCode}


class BillingUnavailable(Exception):
    """Billing did not answer."""


class Balance(NamedTuple):
    """Money of a personal account, in minor units of `currency` (F055, F057)."""

    account_id: int
    currency: CurrencyCode
    available_minor: int
    credit_minor: int | None
    reserved_minor: int
    next_charge_minor: int | None
    next_charge_at: datetime | None
    as_of: datetime
    stale: bool

    @property
    def available(self) -> Money:
        return Money(self.available_minor, _CURRENCIES[self.currency])

    @property
    def credit(self) -> Money | None:
        return None if self.credit_minor is None else _often(self.credit_minor, self.currency)

    @property
    def reserved(self) -> Money:
        return _often(self.reserved_minor, self.currency)

    @property
    def next_charge(self) -> Money | None:
        return None if self.next_charge_minor is None else _often(self.next_charge_minor, self.currency)


# What is told again and again: nothing, and what is charged.
@lru_cache(1_000)
def _often(minor: int, currency: str) -> Money:
    return Money(minor, _CURRENCIES[currency])


class PackageRemain(NamedTuple):
    """What is left of one package of a line, in its unit (F056); `resets_at` also where it ends then."""

    line_id: int
    name: str
    unit: UsageUnit
    source: PackageSource
    total: Decimal
    left: Decimal
    unlimited: bool
    resets_at: datetime | None
    as_of: datetime
    stale: bool
    expires_at: datetime | None = None


class UsageKey(NamedTuple):
    """A line and the days of the operator's calendar that are asked about, both inclusive."""

    line_id: int
    first: date
    last: date


class UsageItem(NamedTuple):
    """What a line used of one kind in the days of `UsageKey`."""

    line_id: int
    first: date
    last: date
    direction: ChargeType
    unit: UsageUnit
    used: Decimal


class Billing(Protocol):
    """The port to billing. Every method takes many keys and answers what it knows of them, in any order.

    `remote` adapters do not use `reads`, and its connection is given back while they are waited for.
    """

    remote: bool

    async def balances(self, reads: Reader, account_ids: Sequence[int]) -> Sequence[Balance]: ...

    async def remains(self, reads: Reader, line_ids: Sequence[int]) -> Sequence[PackageRemain]: ...

    async def usage(self, reads: Reader, keys: Sequence[UsageKey]) -> Sequence[UsageItem]: ...
