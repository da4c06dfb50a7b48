"""What is on an account, what is left of packages, what was used."""

from datetime import datetime
from decimal import Decimal

import strawberry

from domain.usage import ChargeType, PackageSource, UsageUnit
from resolvers import spending_category
from schema.money import Money
from schema.node import backed_by


@strawberry.type(description="The money of a personal account (F055, F057)")
class Balance:
    available: Money = strawberry.field(description="What can be spent; negative when the account owes")
    credit: Money | None = strawberry.field(description="How far the account may fall below zero; null when it may not")
    reserved: Money = strawberry.field(description="Set aside for operations that are not finished")
    next_charge: Money | None = strawberry.field(description="What is charged next: all fees that fall on that moment")
    next_charge_at: datetime | None = strawberry.field(description="When that is charged")
    as_of: datetime = strawberry.field(description="The moment this balance was true")
    stale: bool = strawberry.field(description="True when billing did not answer and this is the last known balance")


@strawberry.type(description="The bonuses of a personal account (F061)")
class BonusAccount:
    balance: Decimal = strawberry.field(description="How many there are")
    unit: str = strawberry.field(description="What they are called: the programme's name, or a currency")


@strawberry.type(description="What is left of a package of minutes, messages or data (F056)")
class PackageRemain:
    name: str = strawberry.field(description="The package's name, in the operator's language")
    unit: UsageUnit = strawberry.field(description="The unit of `total` and `left`")
    source: PackageSource = strawberry.field(description="What gave the package to the line")
    total: Decimal = strawberry.field(description="What the package held when it was filled; bytes are whole numbers")
    left: Decimal = strawberry.field(description="What is left now")
    unlimited: bool = strawberry.field(description="True when it never runs out; `total` and `left` then mean nothing")
    resets_at: datetime | None = strawberry.field(description="When it is filled again or ends; null when never")
    expires_at: datetime | None = strawberry.field(
        description="When it is gone, used or not, and not filled again; null when it does not end so"
    )
    as_of: datetime = strawberry.field(description="The moment this was true")
    stale: bool = strawberry.field(description="True when billing did not answer and this is what was last known")


@strawberry.type(description="A stretch of time from `from` up to, not including, `to`")
class Period:
    start: datetime = strawberry.field(name="from", description="The first moment")
    end: datetime = strawberry.field(name="to", description="The first moment after it")


@strawberry.type(description="What was spent on one kind of use or charge in a period (F058)")
class SpendingCategory:
    type: ChargeType = strawberry.field(description="On what")
    volume: Decimal = strawberry.field(description="How much of it: money in whole units of its currency")
    unit: UsageUnit = strawberry.field(description="The unit of `volume`; MONEY where only money is counted")
    sum: Money = strawberry.field(description="What it cost; nothing where packages covered it")
    share: Decimal = strawberry.field(description="Which part of all that was spent, from 0 to 1; together they are 1")

    is_type_of = backed_by(spending_category.SpendingCategory)


@strawberry.type(description="What was used of one kind")
class UsageItem:
    unit: UsageUnit = strawberry.field(description="The unit of `used`")
    used: Decimal = strawberry.field(description="How much was used in the period")
    direction: ChargeType = strawberry.field(description="What it was used for")


@strawberry.type(description="What a line used in a period, by kind; without numbers or contents")
class UsageSummary:
    period: Period = strawberry.field(description="The period, in whole days of the operator's calendar")
    items: list[UsageItem] = strawberry.field(description="One item for each kind that was used")
