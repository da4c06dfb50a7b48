"""Amounts of money."""

from decimal import Decimal

import strawberry

from domain.money import CurrencyCode


@strawberry.input(description="An amount of money to pay")
class MoneyInput:
    amount: Decimal = strawberry.field(description='Whole units in plain digits, such as "157" or "157.50"')
    currency: CurrencyCode = strawberry.field(description="ISO 4217 code: the operator's")


@strawberry.type(description="An amount of money; amounts of different currencies are never added")
class Money:
    amount: Decimal = strawberry.field(description='Whole units with two decimals, such as "157.50"; negative is owed')
    currency: CurrencyCode = strawberry.field(description="ISO 4217 code")
