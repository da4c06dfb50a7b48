"""The sections of a profile about what the operator offers: payments, reports, tariffs, services, support.

The description of a key is its meaning in SPEC 5.3; the operators' documentation is generated from it.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.catalogue import FeePeriod
from domain.notification import NotificationChannel
from domain.offer import OfferKind
from domain.payment import AutopayTrigger, CardScheme, ConfirmationKind, PaymentMethodKind
from domain.profile_values import (
    Amount,
    Between,
    Choice,
    Choices,
    Contradiction,
    Count,
    Country,
    DaySpan,
    Messenger,
    OptionalAmount,
    OptionalText,
    OptionalUssd,
    Percent,
    Phone,
    Positive,
    Section,
    Several,
    SomeChoices,
    Text,
)
from domain.report import ReportFormat, ReportPreset
from domain.shop import ShopCategory
from domain.sign_in import LoginIdentifier
from domain.ticket import TicketCategory


class ChangeEffective(StrEnum):
    """When a new tariff begins (SPEC 5.3 `tariffs.change_effective`)."""

    IMMEDIATE = "IMMEDIATE"
    NEXT_PERIOD = "NEXT_PERIOD"


class TerminationEffect(StrEnum):
    """What becomes of the cabinet when its contract ends (F035)."""

    SUSPEND = "SUSPEND"
    DELETE = "DELETE"


class RequiredField(StrEnum):
    """What a person must tell before an offer is activated (F141)."""

    EMAIL = "email"
    NAME = "name"


class Payments(Section):
    """How accounts are topped up (SPEC 2.E)."""

    min_amount: Amount = Field(description="Least top-up")
    max_amount: Amount = Field(description="Greatest top-up")
    whole_units_only: bool = Field(description="Amounts are whole units of the currency")
    card_interval_seconds: Count = Field(description="Pause between payments from one card, in seconds")
    card_schemes: Choices[CardScheme] = Field(description="Payment systems whose cards are taken")
    issuer_countries: Several[Country] = Field(description="Countries of the banks whose cards are taken; empty: any")
    hide_restriction_reason: bool = Field(description="A refusal answers PAYMENT_RESTRICTED without details")
    methods: SomeChoices[PaymentMethodKind] = Field(description="What a payment is made with")
    wallet_must_be_bound: bool = Field(description="An e-wallet pays only once it is bound to the cabinet")
    confirmation: Choice[ConfirmationKind] = Field(description="What the payer does before the money moves")
    operator_fee_percent: Percent = Field(description="The operator's own fee, in per cent")
    bank_may_charge_note: bool = Field(description="The payer is told that the bank may charge a fee")
    receipt_email_required: bool = Field(description="An e-mail for the receipt is mandatory")
    terms_acceptance_required: bool = Field(description="The terms must be accepted before each payment")
    top_up_others: bool = Field(description="Other people's numbers and accounts can be topped up")
    target_by: Choices[LoginIdentifier] = Field(description="Identifiers of the payee")
    refuse_when_cash_banned: bool = Field(description="An account under a cash ban takes no payments")
    refuse_when_terminated_except_nonpayment: bool = Field(
        description="A terminated account takes no payments, one suspended for debt does"
    )
    autopay_enabled: bool = Field(description="Automatic payments exist")
    autopay_triggers: Choices[AutopayTrigger] = Field(description="What sets an automatic payment off")
    promised_payment: bool = Field(description="Promised (trust) payments exist")
    promised_payment_days: Count = Field(description="Days until a promised payment is due")
    promised_amounts: Several[Amount] = Field(
        description="Promised payments on offer, to accounts whose ordinary month costs as much"
    )
    promised_fee_percent: Percent = Field(description="Price of a promised payment, in per cent of it")
    pay_from_balance: bool = Field(description="Payments from the balance of a mobile number exist")

    def contradictions(self) -> Iterator[Contradiction]:
        yield from self._amounts()
        if PaymentMethodKind.CARD in self.methods and not self.card_schemes:
            yield Contradiction("card_schemes", "payments.methods has CARD, so at least one is needed")
        if PaymentMethodKind.MOBILE_BALANCE in self.methods and not self.pay_from_balance:
            yield Contradiction("methods", "MOBILE_BALANCE needs payments.pay_from_balance")
        if self.wallet_must_be_bound and PaymentMethodKind.E_WALLET not in self.methods:
            yield Contradiction("wallet_must_be_bound", "payments.methods has no E_WALLET")
        if self.top_up_others and not self.target_by:
            yield Contradiction("target_by", "payments.top_up_others needs at least one")
        if self.autopay_enabled and not self.autopay_triggers:
            yield Contradiction("autopay_triggers", "payments.autopay_enabled needs at least one")
        if self.promised_payment and not self.promised_payment_days:
            yield Contradiction("promised_payment_days", "payments.promised_payment needs at least 1")
        if self.promised_payment and not all((self.promised_amounts, *self.promised_amounts)):
            yield Contradiction("promised_amounts", "payments.promised_payment needs amounts above zero")

    def _amounts(self) -> Iterator[Contradiction]:
        """What is wrong with the least and the greatest amount taken together."""
        if self.min_amount > self.max_amount:
            reason = f"must not exceed max_amount ({self.min_amount} > {self.max_amount})"
            yield Contradiction("min_amount", reason)
        for key, amount in (("min_amount", self.min_amount), ("max_amount", self.max_amount)):
            if self.whole_units_only and amount != int(amount):
                yield Contradiction(key, f"payments.whole_units_only allows no fractions (got {amount})")


class BalanceView(Section):
    """How balances are shown."""

    last_charges_count: Annotated[int, Between(1, 100)] = Field(description="Charges in the mini report")
    stale_after_seconds: Positive = Field(description="Age, in seconds, from which a balance is called stale")


class Reports(Section):
    """Call detail (SPEC 2.F)."""

    enabled: bool = Field(description="Call-detail reports can be ordered")
    formats: Choices[ReportFormat] = Field(description="Formats of a report")
    presets: Choices[ReportPreset] = Field(description="Ready-made periods")
    max_period_days: Positive = Field(description="Most days in one report")
    email_per_day: Positive = Field(description="Reports sent by e-mail per line and day")
    email_window_days: Positive = Field(description="Days covered by the report that is ordered by SMS")
    retention_days: Positive = Field(description="Days for which details are kept")
    free_in_cabinet: bool = Field(description="Reports in the cabinet are free")
    office_price_per_day: OptionalAmount = Field(
        description="Office price per day of a report on the last 8 months, prepaid; empty means none"
    )
    office_price_per_month: OptionalAmount = Field(
        description="Office price per month of a report on 9 months to 3 years ago, prepaid; empty means none"
    )
    office_price_postpaid: OptionalAmount = Field(description="Office price per copy, postpaid; empty means none")
    max_age_months: Positive = Field(description="Age, in months, of the oldest report that the office gives")
    email_opt_out_ussd: OptionalUssd = Field(description="USSD code that forbids e-mailed reports; empty means none")
    periodic_days: DaySpan = Field(description="First and last day of the month on which periodic reports are formed")
    prepaid_only: bool = Field(description="Reports exist only for prepaid contracts")

    def contradictions(self) -> Iterator[Contradiction]:
        for key, days in (
            ("max_period_days", self.max_period_days),
            ("email_window_days", self.email_window_days),
        ):
            if days > self.retention_days:
                yield Contradiction(key, f"must not exceed retention_days ({days} > {self.retention_days})")
        if self.enabled and not self.formats:
            yield Contradiction("formats", "reports.enabled needs at least one")
        if self.enabled and not self.presets:
            yield Contradiction("presets", "reports.enabled needs at least one")


class Tariffs(Section):
    """What can be done with tariffs (SPEC 2.G)."""

    compare: bool = Field(description="Tariffs can be compared")
    configure: bool = Field(description="Minutes and gigabytes of a tariff can be set")
    recommend: bool = Field(description="Tariffs are recommended by a survey or by usage")
    change: bool = Field(description="The tariff can be changed")
    change_effective: Choice[ChangeEffective] = Field(description="When a new tariff begins")
    history: bool = Field(description="Past changes are shown")
    revert: bool = Field(description="A change can be taken back")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.revert and not self.change:
            yield Contradiction("revert", "needs tariffs.change")


class Services(Section):
    """What can be done with services (SPEC 2.H, 2.J)."""

    filter: bool = Field(description="The catalogue can be filtered")
    require_quote_token: bool = Field(description="A service is connected only with a fresh exact price")
    fee_periods: SomeChoices[FeePeriod] = Field(description="How often fees are charged")
    data_sharing: bool = Field(description="Gigabytes can be given away")
    data_sharing_max_gb_month: Count = Field(description="Most gigabytes given away per month")
    data_sharing_ttl_days: Count = Field(description="Days for which given gigabytes last")
    ringback: bool = Field(description="Ringback tones can be set")
    ringback_gift: bool = Field(description="Ringback tones can be given")
    status_message: bool = Field(description="Status messages for callers can be set")
    tv_trial_days: Count = Field(description="Days of free TV trial; 0 means none")
    zero_rated: Several[Text] = Field(description="Applications whose traffic is free")

    def contradictions(self) -> Iterator[Contradiction]:
        for key, value in (
            ("data_sharing_max_gb_month", self.data_sharing_max_gb_month),
            ("data_sharing_ttl_days", self.data_sharing_ttl_days),
        ):
            if self.data_sharing and not value:
                yield Contradiction(key, "services.data_sharing needs at least 1")
        if self.ringback_gift and not self.ringback:
            yield Contradiction("ringback_gift", "needs services.ringback")


class Internet(Section):
    """What can be done with internet access (SPEC 2.K)."""

    session_statistics: bool = Field(description="Statistics of single sessions are shown")
    speed_increase_request: bool = Field(description="A higher speed can be asked for")
    speed_extension: bool = Field(description="Speed can be extended, or a traffic package added")


class Blocking(Section):
    """How a number is blocked and restored (SPEC 2.I)."""

    self_block: bool = Field(description="A number can be blocked in the cabinet")
    self_unblock: bool = Field(description="A number can be restored in the cabinet")
    contract_holder_only: bool = Field(description="Only the contract holder may block")
    office_and_id_for_lost_sim: bool = Field(
        description="A lost SIM is dealt with in the office, with an identity document"
    )
    also_locks_cabinet: bool = Field(description="Blocking the number locks its cabinet too")
    fee: Amount = Field(description="Price of blocking")
    freeze_balance: bool = Field(description="Money stays intact while the number is blocked")


class Notifications(Section):
    """How people are told what happened (SPEC 2.L)."""

    channels: SomeChoices[NotificationChannel] = Field(description="Ways a notification takes")
    per_event_choice: bool = Field(description="Channels can be chosen for each event")
    news_subscription: bool = Field(description="News can be subscribed to")
    maintenance: bool = Field(description="Maintenance is announced")


class Loyalty(Section):
    """The loyalty programme (F142)."""

    programme: OptionalText = Field(description="Name of the programme; empty means none")
    auto_enrol: bool = Field(description="Everybody takes part without asking")
    required_fields_site: Choices[RequiredField] = Field(description="What the site asks for to activate an offer")
    required_fields_app: Choices[RequiredField] = Field(description="What the app asks for to activate an offer")
    bonus_kinds: Choices[OfferKind] = Field(description="What the programme gives")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.auto_enrol and not self.programme:
            yield Contradiction("auto_enrol", "needs loyalty.programme")


class Support(Section):
    """How support is reached and answers (SPEC 2.M)."""

    phones: Several[Phone] = Field(description="Numbers of the hotline")
    messengers: Several[Messenger] = Field(description="Addresses in messengers, as messenger:address")
    answer_sla_hours: Positive = Field(description="Hours until a ticket is answered")
    round_the_clock: bool = Field(description="The hotline answers day and night")
    ticket_categories: SomeChoices[TicketCategory] = Field(description="What a ticket can be about")
    attachments: bool = Field(description="Tickets take files")
    max_attachment_mb: Annotated[int, Between(1, 100)] = Field(description="Largest file, in megabytes")


class Accounts(Section):
    """What personal accounts are like."""

    one_service_per_account: bool = Field(description="Each service has an account of its own")
    contract_number_may_equal_account: bool = Field(description="Contract and account may bear the same number")
    code_word: bool = Field(description="A code word identifies the holder to support")


class Business(Section):
    """The corporate cabinet (SPEC 2.N)."""

    enabled: bool = Field(description="Business contracts have a cabinet")
    bill_compare: bool = Field(description="Bills can be compared")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.bill_compare and not self.enabled:
            yield Contradiction("bill_compare", "needs business.enabled")


class Shop(Section):
    """The operator's shop (F152)."""

    categories: Choices[ShopCategory] = Field(description="Shelves of the shop; empty means no shop")
    free_sim_delivery: bool = Field(description="SIM cards are delivered free")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.free_sim_delivery and ShopCategory.SIM not in self.categories:
            yield Contradiction("free_sim_delivery", "shop.categories has no SIM")


class Closing(Section):
    """How a cabinet ends (F034, F035)."""

    self_close: bool = Field(description="The user may close the cabinet")
    only_with_contract: bool = Field(description="The cabinet ends only with the contract")
    on_contract_termination: Choice[TerminationEffect] = Field(
        description="What becomes of the cabinet when the contract ends"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        if self.self_close and self.only_with_contract:
            yield Contradiction("self_close", "contradicts closing.only_with_contract")
