"""How a service begins on a line, and what that costs: its fees, free days, and what is paid for already (F115).

Days are whole ones of the operator's calendar, today included, as fees are charged by them (`domain/fees.py`). Pure
rules.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.catalogue import FeePeriod
from domain.fees import PERIODIC
from domain.money import CurrencyCode, Money
from domain.periods import midnight
from domain.quote import PriceLine


@dataclass(frozen=True, slots=True)
class ServiceTerms:
    """What a service costs; fees in minor units.

    `trial_days` are those that the line still may have free, `valid_days` how long it lasts; None: none, for ever.
    """

    name: str
    fee: int
    every: FeePeriod
    connection_fee: int
    trial_days: int | None
    valid_days: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left to a line of a service that was switched off: up to when it is paid for or free."""

    paid_until: datetime
    valid_until: datetime | None
    trial_ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a service begins.

    `is_kept`: with what is left of it. `trial_ends_at` is when free days end, `valid_until` when it ends by itself,
    and `next_charge_at` when something is due that is not charged now. `once` is charged now and never again, `fee`
    now for the period that begins today; minor units.
    """

    lines: tuple[PriceLine, ...]
    is_kept: bool
    trial_ends_at: datetime | None
    valid_until: datetime | None
    next_charge_at: datetime | None
    once: int
    fee: int

    @property
    def price(self) -> int:
        """What is charged now, in minor units."""
        return self.once + self.fee


def begins(terms: ServiceTerms, currency: CurrencyCode, now: datetime, zone: ZoneInfo, connection: str) -> Beginning:
    """How a service begins at a moment; `connection` is what its connection fee is called."""
    today = now.astimezone(zone).date()
    trial = terms.trial_days
    ends = midnight(today + timedelta(days=trial), zone) if trial else None
    lines = [PriceLine(terms.name, Money(terms.fee, currency), terms.every, trial or 0, terms.valid_days)]
    if terms.connection_fee:
        lines.insert(0, PriceLine(connection, Money(terms.connection_fee, currency), FeePeriod.ONCE))
    fee_now = 0 if trial else terms.fee
    return Beginning(
        lines=tuple(lines),
        is_kept=False,
        trial_ends_at=ends,
        valid_until=_valid_until(terms, now, zone),
        next_charge_at=None if terms.every is FeePeriod.PER_USE else ends,
        once=terms.connection_fee + (fee_now if terms.every is FeePeriod.ONCE else 0),
        fee=fee_now if terms.every in PERIODIC else 0,
    )


def goes_on(terms: ServiceTerms, kept: Kept, currency: CurrencyCode, now: datetime, zone: ZoneInfo) -> Beginning:
    """How a service comes back before `kept.paid_until`: nothing is paid until then, not even its connection.

    A day that is paid for in part is free.
    """
    today, day = now.astimezone(zone).date(), kept.paid_until.astimezone(zone).date()
    if midnight(day, zone) < kept.paid_until:
        day += timedelta(days=1)
    is_trial = kept.trial_ends_at is not None and kept.trial_ends_at > now
    ends = kept.valid_until is not None and kept.valid_until <= kept.paid_until
    is_charged = not ends and (terms.every in PERIODIC or (is_trial and terms.every is FeePeriod.ONCE))
    fee = terms.fee if is_charged or terms.every is FeePeriod.PER_USE else 0
    ends_after = None if kept.valid_until is None else (kept.valid_until.astimezone(zone).date() - today).days
    return Beginning(
        lines=(PriceLine(terms.name, Money(fee, currency), terms.every, (day - today).days, ends_after),),
        is_kept=True,
        trial_ends_at=kept.trial_ends_at if is_trial else None,
        valid_until=kept.valid_until,
        next_charge_at=midnight(day, zone) if is_charged else None,
        once=0,
        fee=0,
    )


def bought_for_good(terms: ServiceTerms, currency: CurrencyCode) -> Beginning:
    """How something comes back that was paid for once and lasts for ever: for nothing."""
    line = PriceLine(terms.name, Money(0, currency), terms.every)
    return Beginning((line,), is_kept=True, trial_ends_at=None, valid_until=None, next_charge_at=None, once=0, fee=0)


def extended(valid_until: datetime | None, again: datetime | None, now: datetime) -> datetime | None:
    """When a service ends that is bought again before its end, where it would last until `again` by itself (F119)."""
    if valid_until is None or again is None:
        return again
    return again + max(valid_until - now, timedelta())


def paid_until(
    next_charge_at: datetime | None, valid_until: datetime | None, now: datetime, *, unpaid: bool
) -> datetime | None:
    """Up to when a service that is switched off is paid for or free; None where it is neither, or without an end."""
    ends = [moment for moment in (next_charge_at, valid_until) if moment is not None]
    return min(ends) if ends and min(ends) > now and not unpaid else None


def _valid_until(terms: ServiceTerms, now: datetime, zone: ZoneInfo) -> datetime | None:
    """What is paid by periods ends with one of them; what is paid once lasts to the minute."""
    if terms.valid_days is None:
        return None
    if terms.every in PERIODIC:
        return midnight(now.astimezone(zone).date() + timedelta(days=terms.valid_days), zone)
    return now + timedelta(days=terms.valid_days)
