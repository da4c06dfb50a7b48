"""Feature flags: what each operator's cabinet can do, and why it cannot do the rest."""

import re
from pathlib import Path
from typing import Any

import pytest

from domain.features import FeatureFlag, feature, features
from domain.profile import Profile, read_profiles

PROFILES = read_profiles(Path(__file__).parent.parent / "operators")

profiles = pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.operator.id)


def with_values(profile: Profile, section: str, **values: Any) -> Profile:
    """The profile with other values in one section."""
    changed = getattr(profile, section).model_copy(update=values)
    return profile.model_copy(update={section: changed})


@profiles
def test_a_disabled_flag_has_a_reason_and_an_enabled_one_none(profile: Profile) -> None:
    for flag in features(profile):
        assert flag.enabled == (flag.reason is None), flag.key
        assert flag.reason is None or re.fullmatch(r"\S[^\n]{8,160}[^\s.;,]", flag.reason), flag


@profiles
def test_keys_are_dotted_lower_case_and_told_apart(profile: Profile) -> None:
    keys = [flag.key for flag in features(profile)]

    assert len(set(keys)) == len(keys)
    assert [key for key in keys if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)?", key)] == []


def test_all_operators_have_the_same_keys_in_the_same_order() -> None:
    keys = {tuple(flag.key for flag in features(profile)) for profile in PROFILES.values()}

    assert len(keys) == 1


ENABLED_AT = {
    "auth.password": "beeline letai life motiv tele2",
    "auth.sms_code": "beeline tele2",
    "auth.ussd_password": "beeline life",
    "auth.inbound_sms_password": "motiv",
    "auth.email_link": "beeline",
    "auth.puk1": "life",
    "auth.social": "beeline letai",
    "auth.network_auto": "beeline",
    "auth.social_vk": "beeline letai",
    "auth.social_facebook": "beeline",
    "auth.social_ok": "letai",
    "auth.social_google": "",
    "auth.office_credentials": "motiv",
    "auth.installer_password": "beeline",
    "auth.partial_access": "beeline",
    "auth.change_login": "beeline",
    "auth.remember_device": "beeline letai life motiv tele2",
    "auth.self_registration": "beeline letai life tele2",
    "recovery.sms": "beeline letai tele2",
    "recovery.email": "beeline letai",
    "recovery.ussd": "beeline life",
    "recovery.inbound_sms": "motiv",
    "recovery.hotline": "beeline",
    "recovery.office": "",
    "recovery.choice": "beeline letai",
    "linking": "beeline letai life motiv tele2",
    "linking.sms_code": "beeline letai life motiv tele2",
    "linking.password": "beeline",
    "linking.site": "beeline letai life motiv tele2",
    "linking.app": "letai life motiv tele2",
    "linking.site_only": "beeline",
    "linking.personal_account": "beeline letai motiv",
    "linking.other_operators": "",
    "household": "beeline letai life motiv tele2",
    "household.adult_details": "beeline letai life motiv tele2",
    "payments.card": "beeline letai life motiv tele2",
    "payments.apple_pay": "tele2",
    "payments.google_pay": "tele2",
    "payments.e_wallet": "letai",
    "payments.bank_app": "letai",
    "payments.sbp": "",
    "payments.mobile_balance": "beeline",
    "payments.voucher": "",
    "payments.bonus": "",
    "payments.top_up_others": "beeline letai life motiv tele2",
    "payments.autopay": "beeline tele2",
    "payments.autopay_balance_below": "beeline tele2",
    "payments.autopay_schedule": "tele2",
    "payments.autopay_before_subscription_fee": "",
    "payments.promised_payment": "beeline tele2",
    "payments.pay_from_balance": "beeline",
    "reports": "beeline letai motiv tele2",
    "reports.online": "beeline letai motiv tele2",
    "reports.pdf": "beeline letai motiv tele2",
    "reports.xlsx": "beeline",
    "reports.csv": "",
    "reports.json": "",
    "reports.periodic": "beeline",
    "reports.postpaid": "",
    "tariffs.compare": "tele2",
    "tariffs.configure": "letai life tele2",
    "tariffs.recommend": "beeline tele2",
    "tariffs.change": "beeline letai life motiv tele2",
    "tariffs.history": "beeline",
    "tariffs.revert": "beeline",
    "services.filter": "beeline letai life motiv tele2",
    "services.data_sharing": "tele2",
    "services.ringback": "motiv tele2",
    "services.ringback_gift": "motiv",
    "services.status_message": "motiv",
    "services.zero_rated": "life",
    "services.tv_trial": "life",
    "internet.session_statistics": "beeline",
    "internet.speed_increase_request": "beeline",
    "internet.speed_extension": "beeline tele2",
    "blocking.self_block": "beeline letai life motiv tele2",
    "blocking.self_unblock": "beeline letai motiv tele2",
    "blocking.by_household": "beeline letai motiv tele2",
    "notifications.sms": "beeline life motiv tele2",
    "notifications.email": "beeline letai life motiv tele2",
    "notifications.push": "letai",
    "notifications.in_app": "life motiv tele2",
    "notifications.messenger": "",
    "notifications.per_event_choice": "beeline letai life motiv tele2",
    "notifications.news_subscription": "letai motiv",
    "notifications.maintenance": "letai",
    "loyalty": "beeline letai motiv tele2",
    "support.attachments": "beeline letai life motiv tele2",
    "support.phone": "beeline letai life",
    "support.messengers": "letai",
    "support.code_word": "letai",
    "business": "beeline letai",
    "business.bill_compare": "beeline",
    "shop": "beeline life",
    "shop.sim": "life",
    "shop.free_sim_delivery": "life",
    "closing.self_close": "letai",
}


def test_the_table_of_features_and_operators() -> None:
    enabled_at: dict[str, list[str]] = {}
    for name in sorted(PROFILES):
        for flag in features(PROFILES[name]):
            enabled_at.setdefault(flag.key, []).extend([name] if flag.enabled else [])

    assert {key: " ".join(names) for key, names in enabled_at.items()} == ENABLED_AT


@pytest.mark.parametrize(
    ("operator_id", "key", "reason"),
    [
        (
            "beeline",
            "closing.self_close",
            "The cabinet lives as long as the contract; end the contract to close it",
        ),
        ("life", "closing.self_close", "The cabinet cannot be closed by its user; call 909 or 920"),
        (
            "motiv",
            "auth.self_registration",
            "Credentials are given in the office when the contract is signed",
        ),
        (
            "life",
            "blocking.self_unblock",
            "A blocked number is restored in the office, with an identity document",
        ),
        ("life", "blocking.by_household", "Only the holder of the contract may block its numbers"),
        ("life", "reports.pdf", "Call detail is not given in the cabinet; call 909 or 920"),
        ("tele2", "reports.xlsx", "Reports are not made as an Excel sheet; take one on the screen or as PDF"),
        (
            "letai",
            "auth.sms_code",
            "Codes by SMS do not open this cabinet; sign in with a password or a social network",
        ),
        ("beeline", "linking.app", "Linking is started on the site"),
        ("tele2", "linking.other_operators", "Only numbers of Tele2 can be linked"),
        ("tele2", "services.tv_trial", "Television is not sold here"),
        ("letai", "services.tv_trial", "Television is paid from the first day"),
        ("tele2", "services.ringback_gift", "A ringback tone is bought for one's own number only"),
        ("letai", "auth.social_facebook", "Of the social networks, only VK or Odnoklassniki can open this cabinet"),
        (
            "motiv",
            "auth.social_vk",
            "Social networks do not open this cabinet; sign in with a password, a password sent in answer to an SMS "
            "to 1070 or the credentials from the office",
        ),
        ("letai", "business.bill_compare", "Bills are shown one at a time"),
        (
            "motiv",
            "notifications.maintenance",
            "Maintenance is not announced in the cabinet; write to support",
        ),
    ],
)
def test_a_reason_says_what_holds_for_that_operator(operator_id: str, key: str, reason: str) -> None:
    assert feature(PROFILES[operator_id], key) == FeatureFlag(key, False, reason)


@profiles
def test_sign_in_reasons_name_ways_that_are_open(profile: Profile) -> None:
    reasons = [flag.reason for flag in features(profile) if flag.key.startswith("auth.") and flag.reason]

    assert "None" not in " ".join(reasons)
    assert any("sign in with " in reason and "a password" in reason for reason in reasons)


@profiles
@pytest.mark.parametrize("section", ["linking", "reports", "business", "household"])
def test_what_is_off_takes_its_parts_along(profile: Profile, section: str) -> None:
    off = with_values(profile, section, enabled=False)

    parts = [flag for flag in features(off) if flag.key.split(".")[0] == section]

    assert parts
    assert [flag.key for flag in parts if flag.enabled] == []


def test_an_operator_without_linking_may_name_no_methods_at_all() -> None:
    off = with_values(PROFILES["tele2"], "linking", enabled=False, methods=(), channels=())

    reason = "Each number has a cabinet of its own here; numbers are not linked"
    assert feature(off, "linking.sms_code") == FeatureFlag("linking.sms_code", False, reason)


def test_an_operator_without_autopay_has_no_triggers() -> None:
    off = with_values(PROFILES["tele2"], "payments", autopay_enabled=False)

    assert not feature(off, "payments.autopay_schedule").enabled


def test_an_unknown_key_is_a_bug() -> None:
    with pytest.raises(KeyError, match=r"auth\.telepathy"):
        feature(PROFILES["tele2"], "auth.telepathy")
