"""What an operator's cabinet can do, so that a client greys out the rest and says why (SPEC 5.1).

Everything follows from the profile's keys. The reasons are in English, and translated where they are shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.access import AccessLevel
from domain.channel import Channel
from domain.line import ServiceKind
from domain.notification import NotificationChannel
from domain.number_link import ConsentMethod
from domain.payment import AutopayTrigger, PaymentMethodKind
from domain.profile import Profile
from domain.report import ReportFormat
from domain.shop import ShopCategory
from domain.sign_in import LoginIdentifier, LoginMethod, RecoveryChannel, SocialProvider


@dataclass(frozen=True, slots=True)
class FeatureFlag:
    """One thing that the cabinet may do, such as `payments.autopay`, and why it does not."""

    key: str
    enabled: bool
    reason: str | None
    """What to tell a person when it is disabled; None when it is enabled."""


def features(profile: Profile) -> tuple[FeatureFlag, ...]:
    """Every flag of one operator, in the same order and with the same keys for all of them."""
    return (
        *_sign_in(profile),
        *_registration(profile),
        *_linking(profile),
        *_household(profile),
        *_payments(profile),
        *_reports(profile),
        *_tariffs(profile),
        *_services(profile),
        *_internet(profile),
        *_blocking(profile),
        *_notifications(profile),
        *_loyalty(profile),
        *_support(profile),
        *_business(profile),
        *_shop(profile),
        *_closing(profile),
    )


def feature(profile: Profile, key: str) -> FeatureFlag:
    """The flag of one thing. Raises `KeyError` for a key that no operator has."""
    for flag in features(profile):
        if flag.key == key:
            return flag
    raise KeyError(key)


def _flag(key: str, enabled: object, reason: str) -> FeatureFlag:
    """A flag whose reason stays only while it is disabled."""
    return FeatureFlag(key, bool(enabled), None if enabled else reason)


def _sign_in(profile: Profile) -> Iterator[FeatureFlag]:
    methods = profile.auth.methods
    instead = f"sign in with {_ways_in(profile)}"
    for method, missing in _MISSING_METHODS.items():
        yield _flag(f"auth.{method.lower()}", method in methods, f"{missing}; {instead}")
    yield from _social(profile, f"{_MISSING_METHODS[LoginMethod.SOCIAL]}; {instead}")
    partial = AccessLevel.PARTIAL in profile.auth.network_auto_login_levels
    yield _flag("auth.partial_access", partial, "Every sign-in opens the whole cabinet")
    reason = f"Nobody chooses a login here; sign in with {_either([_NAMES[each] for each in profile.auth.identifiers])}"
    yield _flag("auth.change_login", LoginIdentifier.CUSTOM_LOGIN in profile.auth.identifiers, reason)
    yield _flag("auth.remember_device", profile.auth.remember_device, "Each visit needs a sign-in of its own")


def _social(profile: Profile, off: str) -> Iterator[FeatureFlag]:
    """Which social networks; `off` is why none."""
    offered = profile.auth.social_providers if LoginMethod.SOCIAL in profile.auth.methods else ()
    only = f"Of the social networks, only {_either([provider.brand for provider in offered])} can open this cabinet"
    for provider in SocialProvider:
        yield _flag(f"auth.social_{provider.lower()}", provider in offered, only if offered else off)


def _registration(profile: Profile) -> Iterator[FeatureFlag]:
    auth = profile.auth
    if LoginMethod.OFFICE_CREDENTIALS in auth.registration_methods:
        reason = "Credentials are given in the office when the contract is signed"
    else:
        reason = f"Registration is not open; {_ask_support(profile)}"
    yield _flag("auth.self_registration", auth.self_registration, reason)
    for channel, missing in _MISSING_RECOVERY.items():
        instead = f"recover it {_either([_RECOVERY_WAYS[each] for each in auth.recovery_channels])}"
        yield _flag(f"recovery.{channel.lower()}", channel in auth.recovery_channels, f"{missing}; {instead}")
    only = _either([_RECOVERY_WAYS[channel] for channel in auth.recovery_channels])
    reason = f"There is nothing to choose: a forgotten password is recovered {only} only"
    yield _flag("recovery.choice", len(auth.recovery_channels) > 1, reason)


def _linking(profile: Profile) -> Iterator[FeatureFlag]:
    linking = profile.linking
    off = "Each number has a cabinet of its own here; numbers are not linked"

    def flag(key: str, enabled: object, reason: str) -> FeatureFlag:
        return _flag(key, linking.enabled and enabled, reason if linking.enabled else off)

    holder_agrees = _either([_CONSENT_WAYS[method] for method in linking.methods])
    started = _either([_PLACES[channel] for channel in linking.channels])
    yield flag("linking", True, off)
    for method in (ConsentMethod.SMS_CODE, ConsentMethod.PASSWORD):
        reason = f"The holder of the number agrees {holder_agrees}"
        yield flag(f"linking.{method.lower()}", method in linking.methods, reason)
    for channel in (Channel.SITE, Channel.APP):
        reason = f"Linking is started {started}"
        yield flag(f"linking.{channel.lower()}", channel in linking.channels, reason)
    site_only = linking.channels == (Channel.SITE,)
    yield flag("linking.site_only", site_only, f"Linking is started {started}, not only on the site")
    reason = "Only phone numbers are linked here, not personal accounts"
    yield flag("linking.personal_account", linking.accounts_linkable, reason)
    reason = f"Only numbers of {profile.operator.name} can be linked"
    yield flag("linking.other_operators", not linking.same_operator_only, reason)


def _household(profile: Profile) -> Iterator[FeatureFlag]:
    household = profile.household
    yield _flag("household", household.enabled, "Households are not offered; each cabinet belongs to one person")
    reason = "Nobody but the adult who made the calls sees their detail"
    yield _flag("household.adult_details", household.enabled and household.details_scope_for_adults, reason)


def _payments(profile: Profile) -> Iterator[FeatureFlag]:
    payments = profile.payments
    paid = _either([_PAYMENT_MEANS[method] for method in payments.methods])
    for method, means in _PAYMENT_MEANS.items():
        reason = f"Payments with {means} are not taken; pay with {paid}"
        yield _flag(f"payments.{method.lower()}", method in payments.methods, reason)
    reason = "Only your own numbers and accounts can be topped up"
    yield _flag("payments.top_up_others", payments.top_up_others, reason)
    off = "Automatic payments are not offered; top up when the balance runs low"
    yield _flag("payments.autopay", payments.autopay_enabled, off)
    for trigger, missing in _MISSING_TRIGGERS.items():
        on = payments.autopay_enabled and trigger in payments.autopay_triggers
        yield _flag(f"payments.autopay_{trigger.lower()}", on, missing if payments.autopay_enabled else off)
    reason = "Promised payments are not offered; top up the balance instead"
    yield _flag("payments.promised_payment", payments.promised_payment, reason)
    reason = f"Money on the balance pays for the operator's own services only; pay with {paid}"
    yield _flag("payments.pay_from_balance", payments.pay_from_balance, reason)


def _reports(profile: Profile) -> Iterator[FeatureFlag]:
    reports = profile.reports
    off = f"Call detail is not given in the cabinet; {_ask_support(profile)}"
    yield _flag("reports", reports.enabled, off)
    offered = _either([_FORMATS[each] for each in reports.formats])
    for each, shape in _FORMATS.items():
        reason = f"Reports are not made {shape}; take one {offered}" if reports.enabled else off
        yield _flag(f"reports.{each.lower()}", reports.enabled and each in reports.formats, reason)
    reason = "Reports are made when they are ordered, not on a schedule" if reports.enabled else off
    yield _flag("reports.periodic", reports.enabled and reports.periodic_days, reason)
    postpaid = profile.operator.postpaid and not reports.prepaid_only
    reason = "Reports exist for prepaid contracts only" if reports.enabled else off
    yield _flag("reports.postpaid", reports.enabled and postpaid, reason)


def _tariffs(profile: Profile) -> Iterator[FeatureFlag]:
    tariffs = profile.tariffs
    yield _flag("tariffs.compare", tariffs.compare, "Tariffs are not set side by side; open each in the catalogue")
    yield _flag("tariffs.configure", tariffs.configure, "Tariffs come with fixed minutes and gigabytes")
    yield _flag("tariffs.recommend", tariffs.recommend, "No tariff is recommended; choose one in the catalogue")
    yield _flag("tariffs.change", tariffs.change, f"The tariff cannot be changed here; {_ask_support(profile)}")
    yield _flag("tariffs.history", tariffs.history, "Only the present tariff is shown, not past ones")
    reason = "A change of tariff is not taken back; change to the old tariff if it is still sold"
    yield _flag("tariffs.revert", tariffs.revert, reason)


def _services(profile: Profile) -> Iterator[FeatureFlag]:
    services = profile.services
    yield _flag("services.filter", services.filter, "The services are shown as one list")
    yield _flag("services.data_sharing", services.data_sharing, "Gigabytes stay with the number that bought them")
    yield _flag("services.ringback", services.ringback, "Callers hear the ordinary ringing tone; no other is sold")
    reason = "A ringback tone is bought for one's own number only" if services.ringback else "No tones are sold"
    yield _flag("services.ringback_gift", services.ringback_gift, reason)
    yield _flag("services.status_message", services.status_message, "Callers are not shown a status message")
    reason = "Every application's traffic counts; choose a tariff with more gigabytes"
    yield _flag("services.zero_rated", services.zero_rated, reason)
    sells_tv = ServiceKind.TV in profile.operator.service_kinds
    reason = "Television is paid from the first day" if sells_tv else "Television is not sold here"
    yield _flag("services.tv_trial", services.tv_trial_days, reason)


def _internet(profile: Profile) -> Iterator[FeatureFlag]:
    internet = profile.internet
    sells_access = ServiceKind.INTERNET in profile.operator.service_kinds
    reason = "Single sessions are not recorded" if sells_access else "Home internet is not sold here"
    yield _flag("internet.session_statistics", internet.session_statistics, reason)
    reason = (
        "A higher speed cannot be asked for; choose a faster tariff"
        if sells_access
        else "Home internet is not sold here"
    )
    yield _flag("internet.speed_increase_request", internet.speed_increase_request, reason)
    reason = "No packages extend speed or traffic; change the tariff for more"
    yield _flag("internet.speed_extension", internet.speed_extension, reason)


def _blocking(profile: Profile) -> Iterator[FeatureFlag]:
    blocking = profile.blocking
    yield _flag("blocking.self_block", blocking.self_block, f"Numbers cannot be blocked here; {_ask_support(profile)}")
    if blocking.office_and_id_for_lost_sim:
        reason = "A blocked number is restored in the office, with an identity document"
    else:
        reason = f"Blocked numbers cannot be restored here; {_ask_support(profile)}"
    yield _flag("blocking.self_unblock", blocking.self_unblock, reason)
    reason = "Only the holder of the contract may block its numbers"
    yield _flag("blocking.by_household", not blocking.contract_holder_only, reason)


def _notifications(profile: Profile) -> Iterator[FeatureFlag]:
    notifications = profile.notifications
    told = _either([_TOLD_BY[channel] for channel in notifications.channels])
    for channel, way in _TOLD_BY.items():
        reason = f"Notifications do not come {way}; they come {told}"
        yield _flag(f"notifications.{channel.lower()}", channel in notifications.channels, reason)
    reason = f"All notifications come the same way, {told}"
    yield _flag("notifications.per_event_choice", notifications.per_event_choice, reason)
    reason = f"{profile.operator.name} sends no news to the cabinet"
    yield _flag("notifications.news_subscription", notifications.news_subscription, reason)
    reason = f"Maintenance is not announced in the cabinet; {_ask_support(profile)}"
    yield _flag("notifications.maintenance", notifications.maintenance, reason)


def _loyalty(profile: Profile) -> Iterator[FeatureFlag]:
    reason = f"{profile.operator.name} has no loyalty programme"
    yield _flag("loyalty", profile.loyalty.programme, reason)


def _support(profile: Profile) -> Iterator[FeatureFlag]:
    support = profile.support
    yield _flag("support.attachments", support.attachments, "Tickets are text only; describe what the file shows")
    reason = f"Support has no phone in the cabinet; {_ask_support(profile)}"
    yield _flag("support.phone", support.phones, reason)
    reason = f"Support is not in messengers; {_ask_support(profile)}"
    yield _flag("support.messengers", support.messengers, reason)
    reason = "Support does not ask for a code word"
    yield _flag("support.code_word", profile.accounts.code_word, reason)


def _business(profile: Profile) -> Iterator[FeatureFlag]:
    business = profile.business
    off = "The cabinet is for consumers; business contracts have none"
    yield _flag("business", business.enabled, off)
    reason = "Bills are shown one at a time" if business.enabled else off
    yield _flag("business.bill_compare", business.enabled and business.bill_compare, reason)


def _shop(profile: Profile) -> Iterator[FeatureFlag]:
    shop = profile.shop
    yield _flag("shop", shop.categories, "The cabinet has no shop")
    sells_sim = ShopCategory.SIM in shop.categories
    yield _flag("shop.sim", sells_sim, "SIM cards cannot be ordered in the cabinet")
    reason = "Delivery of a SIM card is not free" if sells_sim else "SIM cards cannot be ordered in the cabinet"
    yield _flag("shop.free_sim_delivery", shop.free_sim_delivery, reason)


def _closing(profile: Profile) -> Iterator[FeatureFlag]:
    closing = profile.closing
    if closing.only_with_contract:
        reason = "The cabinet lives as long as the contract; end the contract to close it"
    else:
        reason = f"The cabinet cannot be closed by its user; {_ask_support(profile)}"
    yield _flag("closing.self_close", closing.self_close, reason)


def _ways_in(profile: Profile) -> str:
    """The ways to sign in that the profile names first, as the end of 'sign in with …'."""
    auth = profile.auth
    ways = {
        LoginMethod.PASSWORD: "a password",
        LoginMethod.SMS_CODE: "a code by SMS",
        LoginMethod.USSD_PASSWORD: f"a temporary password from {auth.ussd_password_code}",
        LoginMethod.INBOUND_SMS_PASSWORD: f"a password sent in answer to an SMS to {auth.inbound_sms_number}",
        LoginMethod.EMAIL_LINK: "a link by e-mail",
        LoginMethod.PUK1: "the PUK1 of the SIM card",
        LoginMethod.SOCIAL: "a social network",
        LoginMethod.NETWORK_AUTO: "the operator's own network",
        LoginMethod.OFFICE_CREDENTIALS: "the credentials from the office",
        LoginMethod.INSTALLER_PASSWORD: "the password from the installer",
    }
    return _either([ways[method] for method in auth.methods[:_WAYS_NAMED]])


def _ask_support(profile: Profile) -> str:
    """How to reach support, as the end of a sentence."""
    phones = profile.support.phones
    return f"call {_either(list(phones))}" if phones else "write to support"


def _either(ways: list[str]) -> str:
    """The ways as one phrase: nothing, `a`, `a or b`, `a, b or c`."""
    if not ways:
        return ""
    *first, last = ways
    return f"{', '.join(first)} or {last}" if first else last


_WAYS_NAMED = 3

_NAMES = {
    LoginIdentifier.MSISDN: "the telephone number",
    LoginIdentifier.EMAIL: "the e-mail address",
    LoginIdentifier.ACCOUNT_NUMBER: "the number of the account",
    LoginIdentifier.CONTRACT_NUMBER: "the number of the contract",
    LoginIdentifier.NETWORK_LOGIN: "the login of the internet access",
    LoginIdentifier.CUSTOM_LOGIN: "the login of one's own",
}

_MISSING_METHODS = {
    LoginMethod.PASSWORD: "There are no permanent passwords",
    LoginMethod.SMS_CODE: "Codes by SMS do not open this cabinet",
    LoginMethod.USSD_PASSWORD: "No USSD code gives a password",
    LoginMethod.INBOUND_SMS_PASSWORD: "No short number answers an SMS with a password",
    LoginMethod.EMAIL_LINK: "Links by e-mail do not open this cabinet",
    LoginMethod.PUK1: "The PUK1 of a SIM card does not open this cabinet",
    LoginMethod.SOCIAL: "Social networks do not open this cabinet",
    LoginMethod.NETWORK_AUTO: "The network does not sign anybody in by itself",
    LoginMethod.OFFICE_CREDENTIALS: "The office gives no credentials",
    LoginMethod.INSTALLER_PASSWORD: "Installers give no passwords",
}

_RECOVERY_WAYS = {
    RecoveryChannel.SMS: "by SMS",
    RecoveryChannel.EMAIL: "by e-mail",
    RecoveryChannel.USSD: "by USSD",
    RecoveryChannel.INBOUND_SMS: "with an SMS to the short number",
    RecoveryChannel.HOTLINE: "by calling the hotline",
    RecoveryChannel.OFFICE: "in the office",
}
_MISSING_RECOVERY = {channel: f"A forgotten password is not recovered {way}" for channel, way in _RECOVERY_WAYS.items()}

_CONSENT_WAYS = {
    ConsentMethod.SMS_CODE: "by the code from an SMS",
    ConsentMethod.PASSWORD: "by their login and password",
    ConsentMethod.TRUSTED_DEVICE: "in their own cabinet",
    ConsentMethod.OFFICE: "in the office",
    ConsentMethod.CONTRACT_HOLDER: "through the holder of the contract",
}

_PLACES = {
    Channel.SITE: "on the site",
    Channel.APP: "in the app",
    Channel.WIDGET: "in the widget",
    Channel.USSD: "by USSD",
    Channel.SMS: "by SMS",
    Channel.IVR: "in the voice menu",
    Channel.SUPPORT: "through support",
    Channel.OFFICE: "in the office",
}

_PAYMENT_MEANS = {
    PaymentMethodKind.CARD: "a card",
    PaymentMethodKind.APPLE_PAY: "Apple Pay",
    PaymentMethodKind.GOOGLE_PAY: "Google Pay",
    PaymentMethodKind.E_WALLET: "an e-wallet",
    PaymentMethodKind.BANK_APP: "a bank's app",
    PaymentMethodKind.SBP: "the fast payment system",
    PaymentMethodKind.MOBILE_BALANCE: "the balance of a mobile number",
    PaymentMethodKind.VOUCHER: "a voucher",
    PaymentMethodKind.BONUS: "bonus points",
}

_MISSING_TRIGGERS = {
    AutopayTrigger.BALANCE_BELOW: "Automatic payments do not watch the balance",
    AutopayTrigger.SCHEDULE: "Automatic payments follow the balance, not the calendar",
    AutopayTrigger.BEFORE_SUBSCRIPTION_FEE: "Automatic payments do not look ahead to the next fee",
}

_FORMATS = {
    ReportFormat.ONLINE: "on the screen",
    ReportFormat.PDF: "as PDF",
    ReportFormat.XLSX: "as an Excel sheet",
    ReportFormat.CSV: "as CSV",
    ReportFormat.JSON: "as JSON",
}

_TOLD_BY = {
    NotificationChannel.SMS: "by SMS",
    NotificationChannel.EMAIL: "by e-mail",
    NotificationChannel.PUSH: "as push messages",
    NotificationChannel.IN_APP: "in the cabinet",
    NotificationChannel.MESSENGER: "in a messenger",
}
