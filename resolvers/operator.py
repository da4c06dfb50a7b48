"""The operator of the cabinet, as its profile describes it (F003, F011, F013, F024, F063, F066, F147)."""

from dataclasses import dataclass
from decimal import Decimal

from domain.features import FeatureFlag, features
from domain.language import Language
from domain.money import CurrencyCode, Money
from domain.profile import Profile
from domain.sign_in import LoginIdentifier, LoginMethod

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class ShortCode:
    """A code to dial or a number to write to."""

    code: str
    purpose: str


@dataclass(frozen=True, slots=True)
class OperatorLimits:
    """The numbers that a client checks before it asks; seconds, days, or money."""

    top_up_min: Money
    top_up_max: Money
    whole_units_only: bool
    card_interval_seconds: int | None
    report_max_days: int
    reports_per_day: int | None
    idle_timeout_seconds: int
    lockout_attempts: int
    lockout_seconds: int
    max_linked_numbers: int
    registration_link_ttl_seconds: int


@dataclass(frozen=True, slots=True)
class SupportContacts:
    """How to reach a person."""

    phones: list[str]
    messengers: list[str]
    round_the_clock: bool
    answer_sla_hours: int


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What a new password must look like."""

    min_length: int
    max_length: int
    require_upper: bool
    require_lower: bool
    require_digit: bool
    latin_only: bool
    forbid_special: bool


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator as its clients see it; `id` is the profile's."""

    id: str
    name: str
    currency: CurrencyCode
    languages: list[Language]
    features: list[FeatureFlag]
    limits: OperatorLimits
    support: SupportContacts
    password_policy: PasswordPolicy
    login_methods: list[LoginMethod]
    login_identifiers: list[LoginIdentifier]
    ussd_codes: list[ShortCode]
    zero_rated: list[str]


def operator(profile: Profile) -> Operator:
    """Everything that `Query.operator` shows, from the profile alone."""
    return Operator(
        id=profile.operator.id,
        name=profile.operator.name,
        currency=profile.operator.currency,
        languages=list(profile.operator.languages),
        features=list(features(profile)),
        limits=_limits(profile),
        support=SupportContacts(
            phones=list(profile.support.phones),
            messengers=list(profile.support.messengers),
            round_the_clock=profile.support.round_the_clock,
            answer_sla_hours=profile.support.answer_sla_hours,
        ),
        password_policy=_password_policy(profile),
        login_methods=list(profile.auth.methods),
        login_identifiers=list(profile.auth.identifiers),
        ussd_codes=_ussd_codes(profile),
        zero_rated=list(profile.services.zero_rated),
    )


def _limits(profile: Profile) -> OperatorLimits:
    return OperatorLimits(
        top_up_min=_money(profile, profile.payments.min_amount),
        top_up_max=_money(profile, profile.payments.max_amount),
        whole_units_only=profile.payments.whole_units_only,
        card_interval_seconds=profile.payments.card_interval_seconds or None,
        report_max_days=profile.reports.max_period_days,
        reports_per_day=profile.reports.email_per_day or None,
        idle_timeout_seconds=profile.session.idle_timeout_seconds,
        lockout_attempts=profile.auth.lockout.max_failed_passwords,
        lockout_seconds=profile.auth.lockout.duration_seconds,
        max_linked_numbers=profile.linking.max_numbers,
        registration_link_ttl_seconds=profile.auth.registration_link_ttl_hours * _HOUR,
    )


def _password_policy(profile: Profile) -> PasswordPolicy:
    policy = profile.auth.password
    return PasswordPolicy(
        min_length=policy.min_length,
        max_length=policy.max_length,
        require_upper=policy.require_mixed_case,
        require_lower=policy.require_mixed_case,
        require_digit=policy.require_digit,
        latin_only=policy.latin_only,
        forbid_special=policy.forbid_special,
    )


def _ussd_codes(profile: Profile) -> list[ShortCode]:
    codes = {
        profile.auth.ussd_password_code: "A temporary password by SMS",
        profile.auth.inbound_sms_number: "An SMS with any text brings a temporary password",
        profile.reports.email_opt_out_ussd: "Forbid reports by e-mail",
    }
    return [ShortCode(code, purpose) for code, purpose in codes.items() if code]


def _money(profile: Profile, amount: Decimal) -> Money:
    return Money.from_decimal(amount, profile.operator.currency)
