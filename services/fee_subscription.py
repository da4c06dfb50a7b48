"""A subscription whose fee may be due, as a transaction finds it: of a tariff or of a service."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.catalogue import FeePeriod, ServiceCategory
from domain.fees import Sold, fee_key
from domain.line import LineStatus


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription under lock, with what it is of and whose line it serves; `fee` in minor units."""

    sold: Sold
    id: int
    at: datetime | None
    charge_day: int | None
    since: datetime
    unpaid: bool
    now: datetime
    sold_id: int
    name: str
    fee: int
    every: FeePeriod
    fills: bool
    valid_until: datetime | None
    trial_ends_at: datetime | None
    changes: int
    changes_at: datetime | None
    category: ServiceCategory | None
    age_rating: int | None
    # Its money is limited, or a child's owner has forbidden such services: that is asked before one is charged.
    limited: bool
    line_id: int
    line_status: LineStatus
    account_id: int
    operator: str
    contract_ended: bool

    def key(self, at: datetime, zone: ZoneInfo) -> str:
        """The ledger's key of its fee of the period that begins `at`."""
        return fee_key(self.sold, self.id, self.sold_id, self.every, at, zone, self.changes)


def subscription(sold: Sold, row: Mapping[str, Any]) -> Subscription:
    """The subscription in a row of `services/fee_statements.py`."""
    told = dict(row)
    told["every"], told["line_status"] = FeePeriod(told["every"]), LineStatus(told["line_status"])
    told["category"] = None if told["category"] is None else ServiceCategory(told["category"])
    return Subscription(sold=sold, **told)
