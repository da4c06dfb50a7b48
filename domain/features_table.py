"""What each operator's cabinet can do, as the Markdown tables of `docs/operators.md`; all of it follows from profiles.

Columns are operators, rows are what differs. `hearth operators` prints it and `make docs` writes it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

from domain.access import AccessLevel
from domain.features import FeatureFlag, features
from domain.profile import Profile

ON = "✓"


def operators_document(profiles: Sequence[Profile]) -> str:
    """The whole of `docs/operators.md`, ending in a line feed; the columns are in the order of `profiles`."""
    return "\n".join(
        [
            _INTRODUCTION,
            "## How people sign in",
            "",
            *_table(["", *_names(profiles)], _sign_in_rows(profiles)),
            "",
            "## What the cabinet can do",
            "",
            f"{ON} is on; otherwise the cell says why it is off. Clients read the same from `operator {{ features }}`,",
            "where the reason also says what to do instead; a mutation that needs it answers `FEATURE_DISABLED`.",
            "",
            *_table(["feature", "what", *_names(profiles)], _feature_rows(profiles)),
            "",
        ]
    )


def _names(profiles: Iterable[Profile]) -> list[str]:
    return [_plain(profile.operator.name) for profile in profiles]


def _sign_in_rows(profiles: Sequence[Profile]) -> Iterator[list[str]]:
    for title, of in _SIGN_IN.items():
        yield [title, *(of(profile) for profile in profiles)]


def _feature_rows(profiles: Sequence[Profile]) -> Iterator[list[str]]:
    """A row for each key. Raises `KeyError` for a feature without a title."""
    for flags in zip(*map(features, profiles), strict=True):
        yield [f"`{flags[0].key}`", TITLES[flags[0].key], *map(_cell, flags)]


def _cell(flag: FeatureFlag) -> str:
    """The cause of a reason; the advice after it, which would fill the page, is left to the API."""
    return ON if flag.enabled else _plain((flag.reason or "").partition("; ")[0])


def _plain(text: str) -> str:
    """The text for a cell: USSD codes such as *110*9# would otherwise be set in italics."""
    return re.sub(r"([*_|<`\\])", r"\\\1", text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of one Markdown table."""
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _words(values: Iterable[StrEnum]) -> str:
    """The values in the order of the profile: the one that people are offered first comes first."""
    return ", ".join(f"`{value}`" for value in values) or "–"


def _short_codes(profile: Profile) -> str:
    codes = (profile.auth.ussd_password_code, profile.auth.inbound_sms_number)
    return ", ".join(f"`{code}`" for code in codes if code) or "–"


def _registration(profile: Profile) -> str:
    auth = profile.auth
    if not auth.self_registration:
        return f"no; {_words(auth.registration_methods)}"
    return f"{_words(auth.registration_methods)}{', e-mail needed' if auth.registration_requires_email else ''}"


def _temporary_password(profile: Profile) -> str:
    auth = profile.auth
    changed = "must be changed" if auth.temporary_password_must_change else "may stay"
    return f"{_span(auth.temporary_password_ttl_minutes * 60)}, {changed}"


def _password(profile: Profile) -> str:
    rules = profile.auth.password
    asked = {
        f"{rules.min_length} to {rules.max_length} characters": True,
        "Latin letters": rules.latin_only,
        "both cases": rules.require_mixed_case,
        "a digit": rules.require_digit,
        "no special characters": rules.forbid_special,
        "no common ones": rules.check_breached_list,
    }
    return ", ".join(rule for rule, applies in asked.items() if applies)


def _lockout(profile: Profile) -> str:
    lockout = profile.auth.lockout
    after = ", then a new temporary password" if lockout.require_new_temporary_password else ""
    return f"{lockout.max_failed_passwords} wrong passwords: {_span(lockout.duration_seconds)}{after}"


def _codes(profile: Profile) -> str:
    otp = profile.auth.otp
    return f"{otp.length} digits, {_span(otp.ttl_seconds)}, {otp.max_attempts} tries"


def _code_limits(profile: Profile) -> str:
    otp = profile.auth.otp
    return (
        f"{otp.max_sms_per_number_per_hour} SMS an hour, {_span(otp.resend_after_seconds)} apart; "
        f"{otp.max_guesses_per_number_per_day} guesses a day"
    )


def _session(profile: Profile) -> str:
    session = profile.session
    return f"{_span(session.idle_timeout_seconds)} idle, {session.absolute_lifetime_hours} h at the most"


def _remembered(profile: Profile) -> str:
    return f"{profile.session.app_refresh_days} days" if profile.auth.remember_device else "–"


def _partial_access(profile: Profile) -> str:
    given = AccessLevel.PARTIAL in profile.auth.network_auto_login_levels
    return _words(sorted(profile.access.partial_scopes)) if given else "–"


def _span(seconds: int) -> str:
    """A length of time in the largest unit that divides it: `90 s`, `15 min`, `24 h`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


_INTRODUCTION: Final = """# Operators

Generated from `operators/<id>/profile.toml` by `make docs`: change a profile, not this page, which a test finds stale.
"""

_SIGN_IN: Final[dict[str, Callable[[Profile], str]]] = {
    "id": lambda profile: f"`{profile.operator.id}`",
    "country": lambda profile: f"{profile.operator.country}, {profile.operator.currency}",
    "sells": lambda profile: _words(profile.operator.service_kinds),
    "languages": lambda profile: ", ".join(profile.operator.languages),
    "identifiers (F003)": lambda profile: _words(profile.auth.identifiers),
    "ways in": lambda profile: _words(profile.auth.methods),
    "short codes (F005, F006)": _short_codes,
    "social networks (F021)": lambda profile: _words(profile.auth.social_providers),
    "automatic sign-in (F022)": lambda profile: _words(profile.auth.network_auto_login_levels),
    "registration (F010)": _registration,
    "registration link (F011)": lambda profile: f"{profile.auth.registration_link_ttl_hours} h",
    "recovery (F016, F017)": lambda profile: _words(profile.auth.recovery_channels),
    "temporary password (F009)": _temporary_password,
    "password policy (F013)": _password,
    "lockout (F014)": _lockout,
    "one-time code": _codes,
    "for each number (F015)": _code_limits,
    "when SMS fails (N10)": lambda profile: _words(profile.auth.otp.fallback_channels),
    "session (F024)": _session,
    "remembered device (F023)": _remembered,
    "partial access (F029)": _partial_access,
    "asks for a fresh code": lambda profile: _words(sorted(profile.access.step_up_for)),
}

TITLES: Final = {
    "auth.password": "Sign in with a password (F001)",
    "auth.sms_code": "Sign in with a code by SMS (F002)",
    "auth.ussd_password": "Temporary password by USSD (F005)",
    "auth.inbound_sms_password": "Password in answer to an SMS (F006)",
    "auth.email_link": "Sign in by a link in an e-mail (F007)",
    "auth.puk1": "First sign-in with PUK1 (F008)",
    "auth.social": "Sign in through a social network (F021)",
    "auth.social_vk": "VK (F021)",
    "auth.social_facebook": "Facebook (F021)",
    "auth.social_ok": "OK (F021)",
    "auth.social_google": "Google (F021)",
    "auth.network_auto": "Automatic sign-in from the operator's network (F022)",
    "auth.office_credentials": "Credentials from the office (F012)",
    "auth.installer_password": "Password from the installer (F012)",
    "auth.partial_access": "Sessions with partial access (F029)",
    "auth.change_login": "Choose a login (F020)",
    "auth.remember_device": "Remembered device (F023)",
    "auth.self_registration": "Registration without the office (F010)",
    "recovery.sms": "Recover the password by SMS (F017)",
    "recovery.email": "Recover the password by e-mail (F016)",
    "recovery.ussd": "Recover the password by USSD (F017)",
    "recovery.inbound_sms": "Recover the password by an SMS to the short number (F017)",
    "recovery.hotline": "Recover the password by the hotline (F017)",
    "recovery.office": "Recover the password in the office",
    "recovery.choice": "Choose the ways to recover the password (F018)",
    "linking": "Several numbers in one cabinet (F039)",
    "linking.sms_code": "Link a number by a code (F040)",
    "linking.password": "Link a number by its login and password (F041)",
    "linking.site": "Link on the site (F043)",
    "linking.app": "Link in the app (F043)",
    "linking.site_only": "Link on the site only (F043)",
    "linking.personal_account": "Link a personal account (F042)",
    "linking.other_operators": "Link numbers of other operators (F039)",
    "household": "Households with roles (F050)",
    "household.adult_details": "The owner may see an adult's call detail, by consent",
    "payments.card": "Pay by card (F064)",
    "payments.apple_pay": "Apple Pay (F076)",
    "payments.google_pay": "Google Pay (F076)",
    "payments.e_wallet": "E-wallets (F077)",
    "payments.bank_app": "Bank apps (F078)",
    "payments.sbp": "Fast payment system",
    "payments.mobile_balance": "Top up from the balance of a number (F082)",
    "payments.voucher": "Vouchers (F159)",
    "payments.bonus": "Pay with bonus points (F061)",
    "payments.top_up_others": "Top up others (F065)",
    "payments.autopay": "Automatic payments (F080)",
    "payments.autopay_balance_below": "Automatic payment at a low balance (F080)",
    "payments.autopay_schedule": "Automatic payment by the calendar (F080)",
    "payments.autopay_before_subscription_fee": "Automatic payment before the fee (F080)",
    "payments.promised_payment": "Promised payment (F081)",
    "payments.pay_from_balance": "Pay for other things from the balance (F082)",
    "reports": "Call detail (F086)",
    "reports.online": "Call detail on the screen (F087)",
    "reports.pdf": "Call detail as PDF (F088)",
    "reports.xlsx": "Call detail as an Excel sheet (F088)",
    "reports.csv": "Call detail as CSV (F088)",
    "reports.json": "Call detail as JSON (F088)",
    "reports.periodic": "Call detail on a schedule (F099)",
    "reports.postpaid": "Call detail of postpaid contracts (F100)",
    "tariffs.compare": "Compare tariffs (F103)",
    "tariffs.configure": "Put a tariff together (F104)",
    "tariffs.recommend": "Recommend a tariff (F105)",
    "tariffs.change": "Change the tariff (F106)",
    "tariffs.history": "History of tariffs (F107)",
    "tariffs.revert": "Take a change of tariff back (F108)",
    "services.filter": "Filter the services (F114)",
    "services.data_sharing": "Share gigabytes (F118)",
    "services.ringback": "Ringback tone (F126)",
    "services.ringback_gift": "Give a tone as a present (F127)",
    "services.status_message": "Status message (F128)",
    "services.zero_rated": "Applications whose traffic is free (F120)",
    "services.tv_trial": "Television for a trial (F129)",
    "internet.session_statistics": "Statistics of sessions (F132)",
    "internet.speed_increase_request": "Ask for a higher speed (F133)",
    "internet.speed_extension": "Extend speed or traffic (F119)",
    "blocking.self_block": "Block a number (F121)",
    "blocking.self_unblock": "Restore a blocked number (F122)",
    "blocking.by_household": "Block a number of the household (F123)",
    "notifications.sms": "Notifications by SMS (F135)",
    "notifications.email": "Notifications by e-mail (F135)",
    "notifications.push": "Push notifications (F137)",
    "notifications.in_app": "Notifications in the cabinet (F135)",
    "notifications.messenger": "Notifications in a messenger (F135)",
    "notifications.per_event_choice": "Choose events and channels (F136)",
    "notifications.news_subscription": "News (F138)",
    "notifications.maintenance": "Notices of maintenance (F139)",
    "loyalty": "Loyalty programme (F142)",
    "support.attachments": "Files in a ticket (F146)",
    "support.phone": "Support by phone (F147)",
    "support.messengers": "Support in messengers (F147)",
    "support.code_word": "Code word (F037)",
    "business": "Cabinet for companies (F149)",
    "business.bill_compare": "Compare bills (F150)",
    "shop": "Shop (F152)",
    "shop.sim": "Order a SIM card (F152)",
    "shop.free_sim_delivery": "Free delivery of a SIM card (F152)",
    "closing.self_close": "Close the cabinet (F034)",
}
"""What each feature is, for people, with its row in the specification."""
