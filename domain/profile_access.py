"""The sections of a profile about people: whom the operator serves, how they get in and who shares a number.

The description of a key is its meaning in SPEC 5.3; the operators' documentation is generated from it.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from domain.access import AccessLevel, Scope
from domain.challenge import ChallengeChannel
from domain.channel import Channel
from domain.language import Language
from domain.line import ServiceKind
from domain.money import CurrencyCode
from domain.number_link import ConsentMethod
from domain.profile_values import (
    Between,
    Choice,
    Choices,
    ChoiceSet,
    Contradiction,
    Count,
    Country,
    CountryCode,
    Keyword,
    OperatorId,
    OptionalDigits,
    OptionalUssd,
    Positive,
    Prefix,
    Section,
    Several,
    SomeChoices,
    Text,
    ZoneName,
)
from domain.sign_in import LoginIdentifier, LoginMethod, RecoveryChannel, SocialProvider


class StepUpAction(StrEnum):
    """An action that may ask for a fresh code (SPEC 5.3 `access.step_up_for`)."""

    LINK = "LINK"
    SCOPES = "SCOPES"
    AUTOPAY = "AUTOPAY"
    TRANSFER_OWNERSHIP = "TRANSFER_OWNERSHIP"
    CLOSE = "CLOSE"
    CHANGE_CONTACT = "CHANGE_CONTACT"


class HolderDetails(StrEnum):
    """How a contract holder sees the numbers in another adult's call detail (SPEC 4.4)."""

    MASKED = "MASKED"
    FULL = "FULL"


class Operator(Section):
    """Who the operator is and what it sells."""

    id: OperatorId = Field(description="Profile id, the name of its folder")
    name: Text = Field(description="Brand shown to users")
    country: Country = Field(description="Country, by ISO 3166")
    currency: Choice[CurrencyCode] = Field(description="Currency of every amount, by ISO 4217")
    timezone: ZoneName = Field(description="Billing time zone, by its IANA name")
    languages: SomeChoices[Language] = Field(description="Selectable languages, the default first")
    msisdn_country_code: CountryCode = Field(description="Country code of E.164, without a plus")
    msisdn_national_length: Annotated[int, Between(4, 14)] = Field(description="Digits after the country code")
    strip_prefixes: Several[Prefix] = Field(description="Prefixes accepted and stripped on input")
    service_kinds: SomeChoices[ServiceKind] = Field(description="Services sold")
    prepaid: bool = Field(description="Prepaid contracts are supported")
    postpaid: bool = Field(description="Postpaid contracts are supported")
    localities_count: Count = Field(description="Localities served, a hint for the catalogue; 0 says nothing")
    zero_rated_cabinet: bool = Field(description="Traffic of the cabinet is free")

    @property
    def zone(self) -> ZoneInfo:
        """The billing time zone."""
        return ZoneInfo(self.timezone)

    def contradictions(self) -> Iterator[Contradiction]:
        if not (self.prepaid or self.postpaid):
            yield Contradiction("prepaid", "prepaid or postpaid has to be supported")
        if len(self.msisdn_country_code) + self.msisdn_national_length > 15:
            yield Contradiction("msisdn_national_length", "a number of E.164 has at most 15 digits")
        for prefix in self.strip_prefixes:
            if prefix.startswith("+") and prefix != f"+{self.msisdn_country_code}":
                yield Contradiction("strip_prefixes", f"{prefix} is another country's prefix")


class OneTimeCode(Section):
    """How one-time codes are made, sent and guessed (SPEC 4.7)."""

    length: Annotated[int, Between(4, 8)] = Field(description="Digits of a code")
    ttl_seconds: Annotated[int, Between(30, 3600)] = Field(description="Lifetime of a code, in seconds")
    max_attempts: Annotated[int, Between(1, 10)] = Field(description="Wrong codes per challenge, then it is burnt")
    resend_after_seconds: Annotated[int, Between(1, 3600)] = Field(description="Pause before a resend, in seconds")
    max_sms_per_number_per_hour: Annotated[int, Between(1, 100)] = Field(
        description="SMS to one number per hour, whoever asks for them"
    )
    max_sms_per_minute: Annotated[int, Between(1, 1_000_000)] = Field(
        description="Codes by SMS and call per minute, to all numbers; more of them raise an alarm"
    )
    max_guesses_per_number_per_day: Annotated[int, Between(1, 1000)] = Field(
        description="Guesses at one number's codes per day, over all challenges"
    )
    fallback_channels: Choices[ChallengeChannel] = Field(description="Used when SMS is blocked or late")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.max_attempts > self.max_guesses_per_number_per_day:
            yield Contradiction(
                "max_attempts",
                f"must not exceed max_guesses_per_number_per_day "
                f"({self.max_attempts} > {self.max_guesses_per_number_per_day})",
            )
        if ChallengeChannel.SMS in self.fallback_channels:
            yield Contradiction("fallback_channels", "SMS cannot stand in for SMS")


class PasswordRules(Section):
    """What a permanent password looks like (F013)."""

    min_length: Annotated[int, Between(4, 128)] = Field(description="Fewest characters")
    max_length: Annotated[int, Between(4, 128)] = Field(description="Most characters")
    latin_only: bool = Field(description="Letters must be Latin")
    require_mixed_case: bool = Field(description="Both upper- and lower-case letters are needed")
    require_digit: bool = Field(description="A digit is needed")
    forbid_special: bool = Field(description="Special characters are refused")
    check_breached_list: bool = Field(description="Common passwords are refused")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.min_length > self.max_length:
            reason = f"must not exceed max_length ({self.min_length} > {self.max_length})"
            yield Contradiction("min_length", reason)


class Lockout(Section):
    """What wrong passwords lead to (F014)."""

    max_failed_passwords: Annotated[int, Between(1, 100)] = Field(description="Wrong passwords before the lock")
    duration_seconds: Annotated[int, Between(1, 604_800)] = Field(description="Length of the lock, in seconds")
    require_new_temporary_password: bool = Field(description="The old password is refused after the lock")


class Auth(Section):
    """How people sign in, register and recover access (SPEC 2.A)."""

    identifiers: SomeChoices[LoginIdentifier] = Field(description="Accepted login identifiers")
    methods: SomeChoices[LoginMethod] = Field(description="Enabled login methods")
    self_registration: bool = Field(description="Remote registration is allowed")
    registration_methods: Choices[LoginMethod] = Field(description="How a new person proves who they are")
    registration_requires_email: bool = Field(description="E-mail is mandatory at registration")
    registration_link_ttl_hours: Positive = Field(description="Lifetime of the e-mail confirmation link, in hours")
    recovery_channels: SomeChoices[RecoveryChannel] = Field(description="Password recovery ways")
    recovery_contact_must_be_verified: bool = Field(description="Only bound and confirmed contacts recover")
    ussd_password_code: OptionalUssd = Field(description="USSD code that issues a password; empty means none")
    inbound_sms_number: OptionalDigits = Field(
        description="Short number that answers an SMS with a password; empty means none"
    )
    temporary_password_must_change: bool = Field(description="A change is forced after the first sign-in")
    temporary_password_ttl_minutes: Positive = Field(description="Lifetime of a temporary password, in minutes")
    puk1_first_login: bool = Field(description="PUK1 is accepted once")
    social_providers: Choices[SocialProvider] = Field(description="Social sign-in providers")
    social_bind_only_after_sign_in: bool = Field(description="Binding a provider needs a signed-in session")
    network_auto_login_levels: Choices[AccessLevel] = Field(
        description="Access levels for automatic sign-in from the operator's network"
    )
    remember_device: bool = Field(description="Automatic sign-in on a remembered device")
    require_tls: bool = Field(description="Plain HTTP is refused")
    require_cookies: bool = Field(description="Browser session lives in a cookie")
    otp: OneTimeCode = Field(description="One-time codes")
    password: PasswordRules = Field(description="Permanent passwords")
    lockout: Lockout = Field(description="Wrong passwords")

    def contradictions(self) -> Iterator[Contradiction]:
        yield from self._methods_without_means()
        yield from self._recovery_without_contact()
        if self.self_registration and not set(self.registration_methods) - {LoginMethod.OFFICE_CREDENTIALS}:
            yield Contradiction("self_registration", "needs a registration method outside the office")

    def _methods_without_means(self) -> Iterator[Contradiction]:
        """The sign-in and registration methods that lack what they work with."""
        means: dict[LoginMethod, tuple[str, object]] = {
            LoginMethod.USSD_PASSWORD: ("ussd_password_code", self.ussd_password_code),
            LoginMethod.INBOUND_SMS_PASSWORD: ("inbound_sms_number", self.inbound_sms_number),
            LoginMethod.PUK1: ("puk1_first_login", self.puk1_first_login),
            LoginMethod.SOCIAL: ("social_providers", self.social_providers),
            LoginMethod.NETWORK_AUTO: ("network_auto_login_levels", self.network_auto_login_levels),
        }
        for key, methods in (("methods", self.methods), ("registration_methods", self.registration_methods)):
            for method in methods:
                needed, value = means.get(method, ("", True))
                if not value:
                    yield Contradiction(key, f"{method} needs auth.{needed}")

    def _recovery_without_contact(self) -> Iterator[Contradiction]:
        """The recovery channels of this section without a contact; the hotline's is in another one."""
        if RecoveryChannel.USSD in self.recovery_channels and not self.ussd_password_code:
            yield Contradiction("recovery_channels", "USSD needs auth.ussd_password_code")
        if RecoveryChannel.INBOUND_SMS in self.recovery_channels and not self.inbound_sms_number:
            yield Contradiction("recovery_channels", "INBOUND_SMS needs auth.inbound_sms_number")


class Session(Section):
    """How long a sign-in lasts."""

    idle_timeout_seconds: Positive = Field(description="Idle sign-out, in seconds")
    absolute_lifetime_hours: Positive = Field(description="Longest life of a session, in hours")
    app_refresh_days: Positive = Field(description="Life of the refresh token on a remembered device, in days")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.idle_timeout_seconds > self.absolute_lifetime_hours * 3600:
            yield Contradiction("idle_timeout_seconds", "must not exceed absolute_lifetime_hours")


class Access(Section):
    """What a session may do (SPEC 4.4)."""

    partial_scopes: ChoiceSet[Scope] = Field(description="What a session of level PARTIAL may do")
    step_up_for: ChoiceSet[StepUpAction] = Field(description="Actions that need a fresh code")


class Linking(Section):
    """How numbers and accounts are linked to a household (SPEC 4.5)."""

    enabled: bool = Field(description="Numbers can be linked")
    methods: Choices[ConsentMethod] = Field(description="How the holder of the number agrees")
    channels: Choices[Channel] = Field(description="Where linking may be started")
    same_operator_only: bool = Field(description="Only numbers of this operator can be linked")
    accounts_linkable: bool = Field(description="Personal accounts can be linked too")
    max_numbers: Positive = Field(description="Most linked numbers per household")
    max_secondary_links_per_number: Count = Field(
        description="Most links of a number that other households have to look and pay"
    )
    reverify_days: Positive = Field(description="Days after which consent must be renewed")
    sim_change_cooldown_hours: Count = Field(description="Hours without management scopes after a SIM change")
    number_quarantine_days: Count = Field(description="Days without links to a number that was issued again")
    revoke_sms_keyword: Keyword = Field(description="The reply to an SMS that revokes a link")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.enabled and not self.methods:
            yield Contradiction("methods", "linking.enabled needs at least one")
        if self.enabled and not self.channels:
            yield Contradiction("channels", "linking.enabled needs at least one")


class Household(Section):
    """How people share their numbers (SPEC 4)."""

    enabled: bool = Field(description="Households exist")
    max_members: Positive = Field(description="Most members of a household")
    invitation_ttl_hours: Positive = Field(description="Lifetime of an invitation, in hours")
    ownership_transfer_delay_hours: Count = Field(description="Hours in which a transfer can be cancelled")
    age_of_majority: Annotated[int, Between(14, 25)] = Field(description="Age at which a child becomes an adult")
    own_consent_age: Annotated[int, Between(0, 25)] = Field(description="Age from which the child also confirms by SMS")
    owner_absence_days: Positive = Field(description="Days of the owner's absence before the successor may claim")
    details_scope_for_adults: bool = Field(
        description="The owner may ever see adults' call detail, by explicit separate consent"
    )
    contract_holder_details: Choice[HolderDetails] = Field(
        description="What the contract holder sees of another adult's call detail"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        if self.own_consent_age > self.age_of_majority:
            reason = f"must not exceed age_of_majority ({self.own_consent_age} > {self.age_of_majority})"
            yield Contradiction("own_consent_age", reason)
