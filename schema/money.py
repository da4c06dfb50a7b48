"""Amounts of money."""

from decimal import Decimal

import strawberry

from domain.money import CurrencyCode


@strawberry.type(description="An amount of money; amounts of different currencies are never added")
class Money:
    amount: Decimal = strawberry.field(description='Whole units with two decimals, such as "157.50"; negative is owed')
    currency: CurrencyCode = strawberry.field(description="ISO 4217 code")
