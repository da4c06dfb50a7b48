"""The operator of the cabinet: everything that differs between operators, for a client to adapt to."""

import strawberry

from domain.language import Language
from domain.money import CurrencyCode
from domain.sign_in import LoginIdentifier, LoginMethod
from resolvers import operator
from schema.money import Money
from schema.node import Node, backed_by


@strawberry.type(description="One thing that a cabinet may do, so that a client greys it out without trying (N14)")
class FeatureFlag:
    key: str = strawberry.field(description="Such as payments.autopay; the same keys for every operator")
    enabled: bool = strawberry.field(description="Whether this operator offers it")
    reason: str | None = strawberry.field(description="Why not, for a person; null when it is enabled")


@strawberry.type(description="A code to dial, or a number to write to")
class ShortCode:
    code: str = strawberry.field(description="What to dial, such as *120#")
    purpose: str = strawberry.field(description="What it brings")


@strawberry.type(description="The operator's numbers; a mutation enforces them all the same")
class OperatorLimits:
    top_up_min: Money = strawberry.field(description="The least that can be topped up (F066)")
    top_up_max: Money = strawberry.field(description="The most that can be topped up at once (F066)")
    whole_units_only: bool = strawberry.field(description="Whether amounts must be whole units (F067)")
    card_interval_seconds: int | None = strawberry.field(
        description="The pause between two payments from one card (F068); null: none"
    )
    report_max_days: int = strawberry.field(description="The longest period of a report (F091)")
    reports_per_day: int | None = strawberry.field(description="Reports by e-mail in one day (F092); null: no limit")
    idle_timeout_seconds: int = strawberry.field(description="A session without requests ends after this (F024)")
    lockout_attempts: int = strawberry.field(description="Wrong passwords before the password is locked (F014)")
    lockout_seconds: int = strawberry.field(description="How long the password then stays locked (F014)")
    max_linked_numbers: int = strawberry.field(description="How many numbers a household may look after")
    registration_link_ttl_seconds: int = strawberry.field(description="How long a registration link works (F011)")


@strawberry.type(description="How to reach a person at the operator (F147)")
class SupportContacts:
    phones: list[str] = strawberry.field(description="Numbers to call, short ones as they are dialled")
    messengers: list[str] = strawberry.field(description="Such as whatsapp:+79027182268")
    round_the_clock: bool = strawberry.field(description="Whether somebody answers at night too")
    answer_sla_hours: int = strawberry.field(description="How soon a written question is answered")


@strawberry.type(description="What a new password must look like (F013)")
class PasswordPolicy:
    min_length: int = strawberry.field(description="Characters at the least")
    max_length: int = strawberry.field(description="Characters at the most")
    require_upper: bool = strawberry.field(description="Whether a capital letter is needed")
    require_lower: bool = strawberry.field(description="Whether a small letter is needed")
    require_digit: bool = strawberry.field(description="Whether a digit is needed")
    latin_only: bool = strawberry.field(description="Whether letters must be Latin")
    forbid_special: bool = strawberry.field(description="Whether only letters and digits are allowed")


@strawberry.type(description="The operator of this cabinet")
class Operator(Node):
    name: str = strawberry.field(description="The brand")
    currency: CurrencyCode = strawberry.field(description="The currency of its prices and accounts")
    languages: list[Language] = strawberry.field(description="Languages to choose from; the first is the default")
    features: list[FeatureFlag] = strawberry.field(
        description="What this cabinet can do, and why it cannot do the rest"
    )
    limits: OperatorLimits = strawberry.field(description="Numbers to check before asking")
    support: SupportContacts = strawberry.field(description="How to reach a person")
    password_policy: PasswordPolicy = strawberry.field(description="What a new password must look like")
    login_methods: list[LoginMethod] = strawberry.field(description="The ways in")
    login_identifiers: list[LoginIdentifier] = strawberry.field(description="What to sign in with (F003)")
    ussd_codes: list[ShortCode] = strawberry.field(description="What works without the internet (F005, F063)")

    zero_rated: list[str] = strawberry.field(
        description="Applications whose traffic costs nothing and takes nothing from a package (F120)"
    )

    is_type_of = backed_by(operator.Operator)
