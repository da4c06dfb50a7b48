"""Settings: what the environment may say, and what a person reads when it says something else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from domain.document_limits import DocumentLimits
from gateways.accounts import BankAccount, HttpSmsAccount, SmppAccount, SmtpAccount, YooKassaAccount
from server.settings import SettingsRejected, load_development_settings, load_settings

GOOD_SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
URL = "postgresql://hearth:hidden@db.example:5432/hearth"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("HEARTH_") or name == "PORT":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HEARTH_DATA", str(tmp_path / "data"))


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_SECRET", GOOD_SECRET)
    monkeypatch.setenv("HEARTH_DATABASE_URL", URL)


def rejected() -> tuple[str, ...]:
    with pytest.raises(SettingsRejected) as rejection:
        load_settings()
    return rejection.value.lines


def test_production_names_each_missing_variable_on_a_line_of_its_own() -> None:
    secret, database = rejected()
    assert secret.startswith("HEARTH_SECRET is missing")
    assert database.startswith("HEARTH_DATABASE_URL is missing")


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("weak", ["short", GOOD_SECRET[:31], "a" * 64, "abc" * 30])
def test_production_refuses_a_weak_secret_and_does_not_repeat_it(monkeypatch: pytest.MonkeyPatch, weak: str) -> None:
    monkeypatch.setenv("HEARTH_SECRET", weak)
    (line,) = rejected()
    assert line.startswith("HEARTH_SECRET is too weak")
    assert weak not in line


@pytest.mark.usefixtures("production")
def test_production_settings_hide_what_is_secret() -> None:
    settings = load_settings()
    assert settings.secret.get_secret_value() == GOOD_SECRET
    assert settings.dsn == URL
    assert GOOD_SECRET not in repr(settings)
    assert "hidden" not in repr(settings)


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("HEARTH_ENV", "prod", "'development' or 'production'"),
        ("HEARTH_BILLING", "down", "simulates an outage"),
        ("HEARTH_BILLING", "remote", "'ledger', 'down' or 'slow'"),
        ("HEARTH_HOSTS", "lk.example.ru", "lk.example.ru=beeline"),
        ("HEARTH_ALLOWED_ORIGINS", "https://lk.example.ru/", "https://lk.example.ru"),
        ("HEARTH_ALLOWED_ORIGINS", "*", "'*' is none"),
        ("HEARTH_TRUSTED_PROXIES", "*", "'*' is none"),
        ("HEARTH_TRUSTED_PROXIES", "10.0.0.1,0.0.0.0/0", "lets any caller choose"),
        ("HEARTH_LIMITS", "width=3", "there are tokens, operations"),
        ("HEARTH_LIMITS", "depth=0", "must look like 'depth=12'"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "must be the address of a collector"),
        ("HEARTH_METRICS_PORT", "70000", "less than or equal to 65535"),
        ("HEARTH_DATABASE_URL", "mysql://root:hidden@db/x", "must be the URL of a PostgreSQL database"),
        ("HEARTH_WORKERS", "0", "greater than or equal to 1"),
        ("HEARTH_POOL_SIZE", "ten", "valid integer"),
        ("HEARTH_SMS_URL", "sms.example", "smpp://"),
        ("HEARTH_SMS_URL", "smpp://hearth:hidden@smsc.example:2775", "?source="),
        ("HEARTH_SMS_URL", "smpp://hearth:hidden@smsc.example?source=1070&ton=1", "'?source=…' alone"),
        ("HEARTH_SMS_URL", "smpp://hearth:hidden@smsc.example?source=кабинет", "up to 11 letters and digits"),
        ("HEARTH_SMS_URL", "smpp://hearth:hidden-long@smsc.example?source=1070", "password of up to 8"),
        ("HEARTH_SMS_URL", "smpp://hearth:hidden@:2775?source=1070", "must name a host"),
        ("HEARTH_SMS_URL", "smpp://hearth:hidden@smsc.example:sms?source=1070", "must be a URL"),
        ("HEARTH_SMS_URL", "https://sms.example/messages", "needs HEARTH_SMS_KEY"),
        ("HEARTH_SMS_URL", "http://sms.example/messages", "must be an https URL"),
        ("HEARTH_SMS_URL", "https://user:hidden@sms.example/messages", "no user"),
        ("HEARTH_EMAIL_URL", "https://mail.example", "must be the URL of a mail server"),
        ("HEARTH_EMAIL_URL", "smtp://user:hidden@mail.example", "?from="),
        ("HEARTH_EMAIL_URL", "smtp://user:hidden@mail.example?from=nobody", "must name a sender"),
        ("HEARTH_EMAIL_CA", "/dev/null/ca.pem", "file of certificates"),
        ("HEARTH_EMAIL_CA", "/dev/null", "file of certificates"),
        ("HEARTH_PAYMENTS_URL", "https://api.yookassa.ru/v3", "yookassa://"),
        ("HEARTH_PAYMENTS_URL", "yookassa://api.yookassa.ru/v3", "must name the shop"),
        ("HEARTH_PAYMENTS_URL", "yookassa://506751@/v3", "must name a host"),
        ("HEARTH_PAYMENTS_URL", "yookassa://506751:hidden@api.yookassa.ru/v3", "no password"),
        ("HEARTH_PAYMENTS_URL", "yookassa://506751@api.yookassa.ru/v3?test=1", "no password or parameter"),
        ("HEARTH_PAYMENTS_URL", "yookassa://506751@api.yookassa.ru/v3", "needs HEARTH_PAYMENTS_KEY"),
        ("PORT", "99999", "less than or equal to 65535"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable_and_the_reason(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    (line,) = rejected()
    assert line.startswith(variable)
    assert reason in line
    assert "hidden" not in line


@pytest.mark.usefixtures("production")
def test_lists_and_maps_are_read_from_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_HOSTS", "lk.example.ru=beeline, LK.example.by = life,")
    monkeypatch.setenv("HEARTH_ALLOWED_ORIGINS", "https://lk.example.ru, http://localhost:5173")
    monkeypatch.setenv("HEARTH_TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    monkeypatch.setenv("HEARTH_LIMITS", "depth=9, cost=500")
    settings = load_settings()
    assert settings.hosts == {"lk.example.ru": "beeline", "lk.example.by": "life"}
    assert settings.allowed_origins == ("https://lk.example.ru", "http://localhost:5173")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")
    assert settings.limits == DocumentLimits(depth=9, cost=500)


@pytest.mark.usefixtures("production")
def test_the_port_may_be_called_port_and_an_empty_variable_counts_as_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load_settings().port == 8000
    monkeypatch.setenv("HEARTH_PORT", "8002")
    monkeypatch.setenv("HEARTH_HOSTS", "")
    assert load_settings().port == 8002
    monkeypatch.setenv("PORT", "8001")
    assert load_settings().port == 8001
    monkeypatch.setenv("PORT", "")
    assert load_settings().port == 8002


@pytest.mark.usefixtures("production")
def test_accounts_at_gateways_are_read_from_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().sms_account is None
    assert load_settings().email_account is None
    monkeypatch.setenv("HEARTH_SMS_URL", "smpp://hearth:hid%40den@smsc.example?source=Beeline")
    monkeypatch.setenv("HEARTH_EMAIL_URL", "smtp://lk%40example.ru:hid%2Fden@mail.example?from=noreply@example.ru")
    settings = load_settings()
    assert settings.sms_account == SmppAccount("smsc.example", 2775, "hearth", "hid@den", "Beeline")
    assert settings.email_account == SmtpAccount(
        "mail.example", 587, "lk@example.ru", "hid/den", "noreply@example.ru", tls_at_once=False
    )
    for said in (repr(settings), repr(settings.sms_account), repr(settings.email_account)):
        assert "den" not in said
    monkeypatch.setenv("HEARTH_EMAIL_URL", "smtps://mail.example?from=noreply@example.ru")
    monkeypatch.setenv("HEARTH_SMS_URL", "https://sms.example/messages?v=2")
    monkeypatch.setenv("HEARTH_SMS_KEY", "hidden, and long enough")
    settings = load_settings()
    assert settings.sms_account == HttpSmsAccount("https://sms.example/messages?v=2", "hidden, and long enough")
    assert settings.email_account is not None
    assert (settings.email_account.port, settings.email_account.tls_at_once) == (465, True)
    assert "hidden" not in f"{settings!r} {settings.sms_account!r}"


@pytest.mark.usefixtures("production")
def test_account_at_the_payment_provider_is_read_from_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().payments_account is None
    monkeypatch.setenv("HEARTH_PAYMENTS_KEY", "live_hidden, and long enough")
    monkeypatch.setenv("HEARTH_PAYMENTS_URL", "yookassa://506751@api.yookassa.ru/v3/")
    settings = load_settings()
    account = settings.payments_account
    assert account == YooKassaAccount("https://api.yookassa.ru/v3", "506751", "live_hidden, and long enough")
    assert "hidden" not in f"{settings!r} {account!r}"


@pytest.mark.usefixtures("production")
def test_invented_money_is_for_development_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_PAYMENTS_KEY", "hidden, and long enough")
    monkeypatch.setenv("HEARTH_PAYMENTS_URL", "bank://127.0.0.1:8001")
    (line,) = rejected()
    assert line.startswith("HEARTH_PAYMENTS_URL must not be the bank simulator in production")
    monkeypatch.setenv("HEARTH_ENV", "development")
    assert load_settings().payments_account == BankAccount("http://127.0.0.1:8001", "hidden, and long enough")


def test_development_makes_a_secret_once_and_keeps_it_to_itself(tmp_path: Path) -> None:
    first = load_development_settings().secret.get_secret_value()
    assert len(first) >= 32
    assert load_development_settings().secret.get_secret_value() == first
    (kept,) = (tmp_path / "data").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_development_without_a_url_has_no_address_until_a_database_is_attached() -> None:
    settings = load_development_settings()
    with pytest.raises(RuntimeError, match="not been started"):
        _ = settings.dsn
    assert settings.model_copy(update={"database_url": URL}).dsn == URL


def test_a_data_directory_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_DATA", "/dev/null/data")
    with pytest.raises(SettingsRejected, match="HEARTH_DATA"):
        load_development_settings()


@pytest.mark.usefixtures("production")
def test_the_development_server_does_not_run_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_ENV", "production")
    with pytest.raises(SettingsRejected, match="hearth serve"):
        load_development_settings()


def test_only_development_tells_its_schema_unless_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_development_settings().introspection
    assert not load_settings(env="production", database_url=URL, secret=GOOD_SECRET).introspection
    monkeypatch.setenv("HEARTH_INTROSPECTION", "0")
    assert not load_development_settings().introspection
