"""Operator profiles: the five that ship are read as they are, every broken one is refused with a reason."""

import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ValidationError

from domain.access import AccessLevel, Scope
from domain.language import Language
from domain.line import ServiceKind
from domain.money import CurrencyCode
from domain.payment import ConfirmationKind
from domain.profile import Profile, ProfileRejected, read_profile, read_profiles
from domain.sign_in import LoginMethod

OPERATORS = Path(__file__).parent.parent / "operators"
FICTIONAL = Path(__file__).parent / "operators"
IDS = ["beeline", "letai", "life", "motiv", "tele2"]
KEYS_IN_SPEC = 169
# What Hearth limits beside the specification.
OUR_KEYS = {"auth.otp.max_sms_per_minute", "payments.promised_amounts", "payments.promised_fee_percent"}


def text_of(operator_id: str) -> str:
    """The profile of one operator as it stands in its file."""
    return (OPERATORS / operator_id / "profile.toml").read_text(encoding="utf-8")


def keys_of(table: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted names of all values of a TOML document."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from keys_of(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def edited(text: str, key: str, value: str | None) -> str:
    """The profile with another TOML value for one key, or without the key."""
    table, _, name = key.rpartition(".")
    current = ""
    lines = []
    found = False
    for line in text.splitlines():
        if header := re.fullmatch(r"\[([a-z.]+)\]", line):
            current = header[1]
        if current == table and line.startswith(f"{name} = "):
            found = True
            if value is not None:
                lines.append(f"{name} = {value}")
        else:
            lines.append(line)
    assert found, f"no key {key}"
    return "\n".join(lines)


def written(folder: Path, operator_id: str, text: str) -> Path:
    """A profile file below `folder/operators`, and its path."""
    path = folder / "operators" / operator_id / "profile.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, operator_id: str, text: str) -> list[str]:
    """The lines with which a profile is refused."""
    with pytest.raises(ProfileRejected) as rejected:
        read_profile(written(folder, operator_id, text))
    return str(rejected.value).splitlines()


def changed(folder: Path, changes: Mapping[str, str], operator_id: str = "beeline") -> list[str]:
    """The lines with which a shipped profile is refused after some keys got other TOML values."""
    text = text_of(operator_id)
    for key, value in changes.items():
        text = edited(text, key, value)
    return refusal(folder, operator_id, text)


def test_all_five_are_read() -> None:
    profiles = read_profiles(OPERATORS)

    assert sorted(profiles) == IDS
    assert {name: profile.operator.id for name, profile in profiles.items()} == {name: name for name in IDS}


def test_e58_the_fictional_operator_links_other_operators_numbers() -> None:
    nomad = read_profiles(FICTIONAL)["nomad"]

    assert not nomad.linking.same_operator_only
    assert set(nomad.auth.methods) == {LoginMethod.SMS_CODE, LoginMethod.PASSWORD}


@pytest.mark.parametrize("operator_id", IDS)
def test_a_profile_has_the_keys_of_the_specification(operator_id: str) -> None:
    keys = set(keys_of(tomllib.loads(text_of(operator_id)))) - {"schema_version"}

    assert keys >= OUR_KEYS
    assert len(keys - OUR_KEYS) == KEYS_IN_SPEC


@pytest.mark.parametrize("operator_id", IDS)
def test_the_profile_mirrors_its_file(operator_id: str) -> None:
    document = tomllib.loads(text_of(operator_id))
    profile = read_profile(OPERATORS / operator_id / "profile.toml")

    for key in keys_of(document):
        value: Any = profile
        given: Any = document
        for part in key.split("."):
            value = getattr(value, part)
            given = given[part]
        assert as_in_toml(value, given) == given, key


def as_in_toml(value: Any, given: Any) -> Any:
    """A value of the profile in the type that TOML has for it; a set is put into the order of the file."""
    if isinstance(value, frozenset):
        return sorted(value, key=given.index)
    if isinstance(value, tuple):
        return [as_in_toml(each, each) for each in value]
    if value is None:
        return ""
    return str(value) if isinstance(value, Decimal) else value


def test_values_have_their_own_types() -> None:
    life = read_profile(OPERATORS / "life" / "profile.toml")
    beeline = read_profile(OPERATORS / "beeline" / "profile.toml")

    assert life.operator.languages == (Language.RU, Language.BE, Language.EN)
    assert life.operator.service_kinds == (ServiceKind.MOBILE, ServiceKind.TV)
    assert life.operator.currency is CurrencyCode.BYN
    assert life.operator.zone == ZoneInfo("Europe/Minsk")
    assert life.payments.min_amount == Decimal("1.00")
    assert life.payments.confirmation is ConfirmationKind.BANK_REDIRECT
    assert life.reports.office_price_per_day is None
    assert life.auth.inbound_sms_number is None
    assert beeline.auth.network_auto_login_levels == (AccessLevel.FULL, AccessLevel.PARTIAL)
    assert beeline.access.partial_scopes == frozenset({Scope.VIEW, Scope.PAY})
    assert beeline.reports.periodic_days == (17, 23)


ALL_KEYS = [(name, key) for name in IDS for key in keys_of(tomllib.loads(text_of(name)))]


@pytest.mark.parametrize(("operator_id", "key"), ALL_KEYS)
def test_a_missing_key_is_refused_by_name(operator_id: str, key: str, tmp_path: Path) -> None:
    lines = refusal(tmp_path, operator_id, edited(text_of(operator_id), key, None))

    assert lines == [f"operators/{operator_id}/profile.toml: {key}: is missing"]


@pytest.mark.parametrize("key", [key for name, key in ALL_KEYS if name == "beeline"])
@pytest.mark.parametrize("value", ["1979-05-27", "{ x = 1 }", "1.5", "[[1]]"])
def test_a_value_of_a_type_that_no_key_has_is_refused(key: str, value: str, tmp_path: Path) -> None:
    lines = changed(tmp_path, {key: value})

    assert len(lines) == 1
    assert lines[0].startswith(f"operators/beeline/profile.toml: {key}")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("auth.otp.length", "12", "auth.otp.length: must be between 4 and 8 (got 12)"),
        ("auth.otp.length", "true", "auth.otp.length: must be a whole number (got true)"),
        ("auth.otp.length", '"5"', "auth.otp.length: must be a whole number (got '5')"),
        ("auth.otp.length", "5.0", "auth.otp.length: must be a whole number (got 5.0)"),
        ("auth.require_tls", "1", "auth.require_tls: must be true or false (got 1)"),
        ("auth.require_tls", '"yes"', "auth.require_tls: must be true or false (got 'yes')"),
        ("operator.name", "5", "operator.name: must be text in quotes (got 5)"),
        (
            "operator.name",
            '""',
            "operator.name: must be 1 to 64 characters without spaces around them (got '')",
        ),
        ("operator.currency", '"USD"', "operator.currency: must be one of 'RUB' or 'BYN' (got 'USD')"),
        ("operator.currency", "1", "operator.currency: must be one of 'RUB' or 'BYN' (got 1)"),
        ("operator.languages", "[]", "operator.languages: must name at least one (got [])"),
        ("operator.languages", '"ru"', "operator.languages: must be a list (got 'ru')"),
        ("operator.languages", '["ru", "ru"]', "operator.languages: must not name anything twice"),
        ("operator.timezone", '"Mars/Olympus"', "operator.timezone: must be an IANA time zone"),
        ("operator.timezone", '"../etc/passwd"', "operator.timezone: must be an IANA time zone"),
        ("operator.timezone", '""', "operator.timezone: must be an IANA time zone"),
        ("operator.country", '"Russia"', "operator.country: must be a country code of ISO 3166"),
        (
            "operator.msisdn_country_code",
            '"+7"',
            "operator.msisdn_country_code: must be an E.164 country code",
        ),
        ("operator.strip_prefixes", '["+7", "٨"]', "operator.strip_prefixes.1: must be up to 4 digits"),
        (
            "operator.localities_count",
            "-1",
            "operator.localities_count: must be between 0 and 1000000 (got -1)",
        ),
        ("auth.methods", '["PASSWORD", "MAGIC"]', "auth.methods.1: must be one of 'PASSWORD', 'SMS_CODE'"),
        ("auth.ussd_password_code", '"110"', "auth.ussd_password_code: must be a USSD code"),
        ("access.partial_scopes", '["VIEW", "ROOT"]', "access.partial_scopes.1: must be one of 'VIEW'"),
        (
            "payments.min_amount",
            "100",
            'payments.min_amount: must be an amount in quotes, such as "157.50" (got 100)',
        ),
        ("payments.min_amount", '"1e2"', "payments.min_amount: an amount is written in digits with a point"),
        ("payments.min_amount", '"-1"', "payments.min_amount: must be between 0 and 1000000000"),
        ("payments.min_amount", '"1.005"', "payments.min_amount: must have at most two decimals"),
        (
            "payments.operator_fee_percent",
            '"101"',
            "payments.operator_fee_percent: must be between 0 and 100",
        ),
        ("payments.issuer_countries", '["ru"]', "payments.issuer_countries.0: must be a country code"),
        ("reports.office_price_per_day", '"free"', "reports.office_price_per_day: an amount is written"),
        ("reports.periodic_days", "[23, 17]", "reports.periodic_days: must be [] or [from, to]"),
        ("reports.periodic_days", "[17]", "reports.periodic_days: must be [] or [from, to]"),
        ("reports.periodic_days", "[0, 32]", "reports.periodic_days: must be [] or [from, to]"),
        ("reports.periodic_days", '["17", 23]', "reports.periodic_days.0: must be a whole number (got '17')"),
        ("support.phones", '["0611", "call us"]', "support.phones.1: must be 3 to 15 digits"),
        ("linking.revoke_sms_keyword", '"st op"', "linking.revoke_sms_keyword: must be one word"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_reason(key: str, value: str, reason: str, tmp_path: Path) -> None:
    lines = changed(tmp_path, {key: value})

    assert len(lines) == 1
    assert lines[0].startswith(f"operators/beeline/profile.toml: {reason}")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"payments.min_amount": '"15001"'},
            "payments.min_amount: must not exceed max_amount (15001 > 15000)",
        ),
        (
            {"auth.password.min_length": "65"},
            "auth.password.min_length: must not exceed max_length (65 > 64)",
        ),
        (
            {"auth.otp.max_guesses_per_number_per_day": "4"},
            "auth.otp.max_attempts: must not exceed max_guesses_per_number_per_day (5 > 4)",
        ),
        (
            {"auth.otp.fallback_channels": '["SMS"]'},
            "auth.otp.fallback_channels: SMS cannot stand in for SMS",
        ),
        (
            {"session.idle_timeout_seconds": "86401"},
            "session.idle_timeout_seconds: must not exceed absolute_lifetime",
        ),
        (
            {"household.own_consent_age": "19"},
            "household.own_consent_age: must not exceed age_of_majority (19 > 18)",
        ),
        (
            {"reports.max_period_days": "181"},
            "reports.max_period_days: must not exceed retention_days (181 > 180)",
        ),
        ({"reports.email_window_days": "181"}, "reports.email_window_days: must not exceed retention_days"),
        ({"auth.methods": '["PUK1", "PASSWORD"]'}, "auth.methods: PUK1 needs auth.puk1_first_login"),
        ({"auth.social_providers": "[]"}, "auth.methods: SOCIAL needs auth.social_providers"),
        (
            {"auth.network_auto_login_levels": "[]"},
            "auth.methods: NETWORK_AUTO needs auth.network_auto_login_levels",
        ),
        (
            {"auth.registration_methods": '["INBOUND_SMS_PASSWORD"]'},
            "auth.registration_methods: INBOUND_SMS_PASSWORD needs auth.inbound_sms_number",
        ),
        (
            {"auth.registration_methods": '["OFFICE_CREDENTIALS"]'},
            "auth.self_registration: needs a registration method outside the office",
        ),
        ({"auth.recovery_channels": '["INBOUND_SMS"]'}, "auth.recovery_channels: INBOUND_SMS needs"),
        ({"support.phones": "[]"}, "auth.recovery_channels: HOTLINE needs support.phones"),
        (
            {"access.partial_scopes": "[]"},
            "access.partial_scopes: auth.network_auto_login_levels has PARTIAL",
        ),
        ({"linking.methods": "[]"}, "linking.methods: linking.enabled needs at least one"),
        ({"linking.channels": "[]"}, "linking.channels: linking.enabled needs at least one"),
        ({"auth.methods": '["SMS_CODE"]'}, "linking.methods: PASSWORD needs PASSWORD in auth.methods"),
        ({"payments.card_schemes": "[]"}, "payments.card_schemes: payments.methods has CARD"),
        (
            {"payments.pay_from_balance": "false"},
            "payments.methods: MOBILE_BALANCE needs payments.pay_from_balance",
        ),
        (
            {"payments.wallet_must_be_bound": "true"},
            "payments.wallet_must_be_bound: payments.methods has no E_WALLET",
        ),
        ({"payments.target_by": "[]"}, "payments.target_by: payments.top_up_others needs at least one"),
        ({"payments.autopay_triggers": "[]"}, "payments.autopay_triggers: payments.autopay_enabled needs"),
        (
            {"payments.promised_payment_days": "0"},
            "payments.promised_payment_days: payments.promised_payment needs",
        ),
        ({"payments.promised_amounts": "[]"}, "payments.promised_amounts: payments.promised_payment needs"),
        ({"payments.promised_amounts": '["50", "0"]'}, "payments.promised_amounts: payments.promised_payment needs"),
        (
            {"payments.whole_units_only": "true", "payments.min_amount": '"99.50"'},
            "payments.min_amount: payments.whole_units_only allows no fractions (got 99.50)",
        ),
        ({"reports.formats": "[]"}, "reports.formats: reports.enabled needs at least one"),
        ({"reports.presets": "[]"}, "reports.presets: reports.enabled needs at least one"),
        ({"operator.prepaid": "false"}, "reports.prepaid_only: needs operator.prepaid"),
        (
            {"operator.prepaid": "false", "operator.postpaid": "false"},
            "operator.prepaid: prepaid or postpaid has",
        ),
        (
            {"operator.msisdn_country_code": '"375"'},
            "operator.strip_prefixes: +7 is another country's prefix",
        ),
        (
            {
                "operator.msisdn_national_length": "14",
                "operator.msisdn_country_code": '"77"',
                "operator.strip_prefixes": "[]",
            },
            "operator.msisdn_national_length: a number of E.164 has at most 15 digits",
        ),
        ({"tariffs.change": "false"}, "tariffs.revert: needs tariffs.change"),
        ({"services.ringback_gift": "true"}, "services.ringback_gift: needs services.ringback"),
        (
            {"services.tv_trial_days": "30", "operator.service_kinds": '["MOBILE"]'},
            "services.tv_trial_days: operator.service_kinds has no TV",
        ),
        (
            {"loyalty.auto_enrol": "true", "loyalty.programme": '""'},
            "loyalty.auto_enrol: needs loyalty.programme",
        ),
        ({"business.enabled": "false"}, "business.bill_compare: needs business.enabled"),
        ({"shop.free_sim_delivery": "true"}, "shop.free_sim_delivery: shop.categories has no SIM"),
        ({"closing.self_close": "true"}, "closing.self_close: contradicts closing.only_with_contract"),
    ],
)
def test_values_that_contradict_each_other_are_refused(changes: dict[str, str], reason: str, tmp_path: Path) -> None:
    lines = changed(tmp_path, changes)

    assert len(lines) == 1
    assert lines[0].startswith(f"operators/beeline/profile.toml: {reason}")


def test_shared_gigabytes_need_an_amount_and_a_lifetime(tmp_path: Path) -> None:
    lines = changed(tmp_path, {"services.data_sharing": "true"})

    where = "operators/beeline/profile.toml: services"
    assert lines == [
        f"{where}.data_sharing_max_gb_month: services.data_sharing needs at least 1",
        f"{where}.data_sharing_ttl_days: services.data_sharing needs at least 1",
    ]


def test_a_channel_without_a_contact_is_refused_wherever_it_is_named(tmp_path: Path) -> None:
    lines = changed(tmp_path, {"auth.ussd_password_code": '""'})

    where = "operators/beeline/profile.toml: auth"
    assert lines == [
        f"{where}.methods: USSD_PASSWORD needs auth.ussd_password_code",
        f"{where}.registration_methods: USSD_PASSWORD needs auth.ussd_password_code",
        f"{where}.recovery_channels: USSD needs auth.ussd_password_code",
    ]


@pytest.mark.parametrize("table", ["", "operator", "auth", "auth.otp", "payments", "closing"])
def test_an_unknown_key_is_refused(table: str, tmp_path: Path) -> None:
    header = f"[{table}]\n"
    text = f"colour = 1\n{text_of('letai')}" if not table else text_of("letai").replace(header, f"{header}colour = 1\n")

    key = f"{table}.colour" if table else "colour"
    assert refusal(tmp_path, "letai", text) == [f"operators/letai/profile.toml: {key}: is not a known key"]


def test_a_table_that_is_missing_or_no_table_is_refused(tmp_path: Path) -> None:
    without = text_of("life").split("[closing]", maxsplit=1)[0]

    assert refusal(tmp_path / "a", "life", without) == ["operators/life/profile.toml: closing: is missing"]
    assert refusal(tmp_path / "b", "life", f"closing = 5\n{without}") == [
        "operators/life/profile.toml: closing: must be a table (got 5)"
    ]


def test_the_catalogue_has_a_file_of_its_own(tmp_path: Path) -> None:
    text = f'{text_of("life")}\n[[catalogue.tariffs]]\ncode = "life-start"\n'

    assert refusal(tmp_path, "life", text) == ["operators/life/profile.toml: catalogue: is not a known key"]


@pytest.mark.parametrize("version", ["2", "0", "true", '"1"', "1.0"])
def test_another_version_of_the_format_is_refused_before_all_else(version: str, tmp_path: Path) -> None:
    text = edited(text_of("motiv"), "schema_version", version).replace("[closing]", "[ending]")

    lines = refusal(tmp_path, "motiv", text)

    assert len(lines) == 1
    assert lines[0].startswith("operators/motiv/profile.toml: schema_version: must be 1 (got ")


def test_broken_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    text = text_of("tele2").replace('name = "Tele2"', "name = Tele2")
    line = text.splitlines().index("name = Tele2  # S:1") + 1

    lines = refusal(tmp_path, "tele2", text)

    assert len(lines) == 1
    assert lines[0].startswith("operators/tele2/profile.toml: is not TOML: ")
    assert f"at line {line}" in lines[0]


def test_a_repeated_key_is_refused(tmp_path: Path) -> None:
    text = text_of("tele2").replace("\n[closing]\n", "\n[closing]\nself_close = true\n")

    assert refusal(tmp_path, "tele2", text)[0].startswith("operators/tele2/profile.toml: is not TOML: ")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "life", "")
    path.write_bytes("# Билайн".encode("cp1251"))

    with pytest.raises(ProfileRejected, match=r"^operators/life/profile.toml: is not UTF-8 text \(byte 2\)$"):
        read_profile(path)


def test_the_folder_bears_the_operators_id(tmp_path: Path) -> None:
    assert refusal(tmp_path, "vimpel", text_of("beeline")) == [
        "operators/vimpel/profile.toml: operator.id: must be the name of the folder, vimpel (got 'beeline')"
    ]


def test_a_second_profile_with_the_same_id_is_refused(tmp_path: Path) -> None:
    shutil.copytree(OPERATORS / "beeline", tmp_path / "beeline")
    shutil.copytree(OPERATORS / "beeline", tmp_path / "copy")

    with pytest.raises(ProfileRejected, match=r"copy/profile.toml: operator.id: must be the name of the folder"):
        read_profiles(tmp_path)


def test_the_problems_of_all_files_are_said_together(tmp_path: Path) -> None:
    written(
        tmp_path,
        "beeline",
        edited(edited(text_of("beeline"), "auth.otp.length", "3"), "shop.categories", None),
    )
    written(tmp_path, "life", "schema_version = 7")
    written(tmp_path, "motiv", text_of("motiv"))

    with pytest.raises(ProfileRejected) as rejected:
        read_profiles(tmp_path / "operators")

    assert str(rejected.value).splitlines() == [
        "operators/beeline/profile.toml: auth.otp.length: must be between 4 and 8 (got 3)",
        "operators/beeline/profile.toml: shop.categories: is missing",
        "operators/life/profile.toml: schema_version: must be 1 (got 7)",
    ]


def test_a_folder_without_profiles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "operators" / "beeline").mkdir(parents=True)

    with pytest.raises(ProfileRejected, match=r"^operators: holds no <id>/profile.toml$"):
        read_profiles(tmp_path / "operators")


def test_nothing_of_a_profile_can_be_changed() -> None:
    profiles: Any = read_profiles(OPERATORS)
    profile: Any = profiles["beeline"]

    with pytest.raises(TypeError):
        profiles["beeline"] = profile
    with pytest.raises(ValidationError, match="frozen"):
        profile.auth = profile.auth
    with pytest.raises(ValidationError, match="frozen"):
        profile.auth.otp.length = 4
    with pytest.raises(AttributeError):
        profile.auth.methods.append(LoginMethod.PUK1)
    assert hash(profile) == hash(read_profiles(OPERATORS)["beeline"])


def test_every_key_says_what_it_means() -> None:
    def undescribed(section: type[BaseModel], prefix: str) -> Iterator[str]:
        for name, field in section.model_fields.items():
            if not field.description or field.description.endswith("."):
                yield prefix + name
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                yield from undescribed(field.annotation, f"{prefix}{name}.")

    assert list(undescribed(Profile, "")) == []
