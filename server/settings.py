"""Everything that can be configured from outside: what is here, and what `server/edge_settings.py` says of the edge.

Each field of `Settings` is read from the environment variable HEARTH_<NAME>; an empty variable counts as
absent. In production a missing secret or database refuses to start; in development both take care of
themselves.
"""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from domain.challenge import ChallengeChannel
from gateways.accounts import (
    BankAccount,
    CamaraAccount,
    CreditingAccount,
    HttpSmsAccount,
    SmppAccount,
    SmtpAccount,
    YooKassaAccount,
    payments_account,
    sms_account,
)
from server.edge_settings import PREFIX, EdgeSettings
from server.failure import StartFailure

# They sign what is posted to us too.
_SMS_KEY_LENGTH = 16
_PAYMENTS_KEY_LENGTH = 16
# Variables that others name, and ours in their place.
_SHARED_NAMES = {
    "PORT": "PORT (or HEARTH_PORT)",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "OTEL_EXPORTER_OTLP_ENDPOINT (or HEARTH_OTLP_ENDPOINT)",
}


class SettingsRejected(StartFailure):
    """The environment does not make valid settings; one line for each variable at fault."""


class Settings(EdgeSettings):
    """The configuration of one process. Frozen; `model_copy(update=…)` makes a changed one."""

    billing: Literal["ledger", "down", "slow"] = Field(
        "ledger", description="Where balances are read; the last two simulate an outage"
    )
    site_url: str = Field("", description="Where the front end is, for links in mails; empty: the host of the request")
    network_key: SecretStr = Field(SecretStr(""), description="Key of the network's tokens for its own subscribers")
    oidc: Path | None = Field(None, description="TOML file of the social networks to sign in with; None: none")
    sms_key: SecretStr = Field(SecretStr(""), description="Key of an SMS provider over HTTP, and of its reports")
    sms_url: SecretStr | None = Field(None, description="SMS gateway: 'smpp://…' or 'https://…'")
    voice_url: SecretStr | None = Field(
        None, description="Provider that calls and reads a code aloud: 'https://…', with the key of SMS"
    )
    email_url: SecretStr | None = Field(None, description="Mail server: 'smtp://…' (STARTTLS) or 'smtps://…'")
    email_ca: Path | None = Field(None, description="File of the authorities that vouch for a private mail server")
    payments_key: SecretStr = Field(SecretStr(""), description="Secret key of our account at the payment provider")
    payments_url: SecretStr | None = Field(
        None, description="Payment provider: 'yookassa://…'; None in development: the bank simulator"
    )
    crediting_key: SecretStr = Field(SecretStr(""), description="Key that signs what the billing system is told")
    crediting_url: SecretStr | None = Field(
        None, description="Billing system that is told of payments: 'https://…'; None: the ledger is all there is"
    )
    sim_registry_key: SecretStr = Field(SecretStr(""), description="OAuth bearer token for the SIM registry")
    sim_registry_url: SecretStr | None = Field(
        None, description="SIM registry that speaks CAMARA: 'https://…'; None in development: a file, see `hearth sim`"
    )
    payment_patience_seconds: float = Field(
        30.0, gt=0, le=3600, description="How long a payment is left to whoever began it before the bank is asked again"
    )
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Where Prometheus asks; None: nothing is counted"
    )
    metrics_host: str = Field("127.0.0.1", description="Who reaches the metrics: they are for nobody outside")
    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "HEARTH_OTLP_ENDPOINT"),
        description="OpenTelemetry collector that is sent spans over HTTP, 'http://host:4318'; None: there are none",
    )
    log_level: Literal["info", "warning", "error"] = Field(
        "info", description="From 'warning' on, requests that went well are not told"
    )
    drain_notice_seconds: float = Field(
        2.0, ge=0, le=4, description="How long a server that is told to stop still takes connections, not being ready"
    )
    pool_size: int = Field(10, ge=1, description="Connections to PostgreSQL per process and pool")

    @property
    def gateway_key(self) -> str:
        """What the operator's gateway signs its requests with; in development our own secret will do."""
        return self.sms_key.get_secret_value() or (self.secret.get_secret_value() if self.development else "")

    @property
    def sms_account(self) -> SmppAccount | HttpSmsAccount | None:
        """Who we are at the SMS gateway, if there is one."""
        if self.sms_url is None:
            return None
        return sms_account(self.sms_url.get_secret_value(), self.sms_key.get_secret_value())

    @property
    def voice_account(self) -> HttpSmsAccount | None:
        """Who we are at the provider that calls, if there is one; it speaks as one of SMS does."""
        if self.voice_url is None:
            return None
        return HttpSmsAccount.from_url(self.voice_url.get_secret_value(), self.sms_key.get_secret_value())

    @property
    def channels(self) -> frozenset[ChallengeChannel]:
        """The ways in which this server can send a code; in development all land in the inbox."""
        accounts = {
            ChallengeChannel.SMS: self.sms_account,
            ChallengeChannel.VOICE_CALL: self.voice_account,
            ChallengeChannel.EMAIL: self.email_account,
        }
        return frozenset(channel for channel, account in accounts.items() if account or self.development)

    @property
    def email_account(self) -> SmtpAccount | None:
        """Who we are at the mail server, if there is one."""
        return None if self.email_url is None else SmtpAccount.from_url(self.email_url.get_secret_value())

    @property
    def payments_account(self) -> YooKassaAccount | BankAccount | None:
        """Who we are at the payment provider, if one is configured."""
        if self.payments_url is None:
            return None
        return payments_account(self.payments_url.get_secret_value(), self.payments_key.get_secret_value())

    @property
    def crediting_account(self) -> CreditingAccount | None:
        """The billing system that is told of payments, if there is one beside the ledger."""
        if self.crediting_url is None:
            return None
        return CreditingAccount.from_url(self.crediting_url.get_secret_value(), self.crediting_key.get_secret_value())

    @property
    def sim_registry_account(self) -> CamaraAccount | None:
        """Who we are at the SIM registry, if one is configured."""
        if self.sim_registry_url is None:
            return None
        return CamaraAccount.from_url(
            self.sim_registry_url.get_secret_value(), self.sim_registry_key.get_secret_value()
        )

    @field_validator("otlp_endpoint")
    @classmethod
    def _check_otlp_endpoint(cls, url: str | None) -> str | None:
        # It may hold a password, and is not repeated.
        if url is not None and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", url):
            raise ValueError("must be the address of a collector, such as 'http://127.0.0.1:4318'")
        return url

    @field_validator("sms_url")
    @classmethod
    def _check_sms_url(cls, url: SecretStr | None, known: ValidationInfo) -> SecretStr | None:
        if url is not None:
            key = known.data["sms_key"].get_secret_value()
            account = sms_account(url.get_secret_value(), key)
            if isinstance(account, HttpSmsAccount) and len(key) < _SMS_KEY_LENGTH:
                raise ValueError(f"needs HEARTH_SMS_KEY, the provider's key of at least {_SMS_KEY_LENGTH} characters")
        return url

    @field_validator("voice_url")
    @classmethod
    def _check_voice_url(cls, url: SecretStr | None, known: ValidationInfo) -> SecretStr | None:
        if url is not None:
            key = known.data["sms_key"].get_secret_value()
            HttpSmsAccount.from_url(url.get_secret_value(), key)
            if len(key) < _SMS_KEY_LENGTH:
                raise ValueError(f"needs HEARTH_SMS_KEY, the provider's key of at least {_SMS_KEY_LENGTH} characters")
        return url

    @field_validator("email_url")
    @classmethod
    def _check_email_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            SmtpAccount.from_url(url.get_secret_value())
        return url

    @field_validator("email_ca")
    @classmethod
    def _check_email_ca(cls, file: Path | None) -> Path | None:
        if file is None:
            return None
        try:
            ssl.create_default_context(cafile=file)
        except OSError as error:  # an SSLError is one too
            raise ValueError(f"must name a file of certificates in PEM: {error.strerror or error}") from None
        return file.absolute()

    @field_validator("payments_url")
    @classmethod
    def _check_payments_url(cls, url: SecretStr | None, known: ValidationInfo) -> SecretStr | None:
        if url is not None:
            key = known.data["payments_key"].get_secret_value()
            account = payments_account(url.get_secret_value(), key)
            if len(key) < _PAYMENTS_KEY_LENGTH:
                raise ValueError(f"needs HEARTH_PAYMENTS_KEY, of at least {_PAYMENTS_KEY_LENGTH} characters")
            if isinstance(account, BankAccount) and known.data.get("env") == "production":
                raise ValueError("must not be the bank simulator in production: it pays with invented money")
        return url

    @field_validator("crediting_url")
    @classmethod
    def _check_crediting_url(cls, url: SecretStr | None, known: ValidationInfo) -> SecretStr | None:
        if url is not None:
            key = known.data["crediting_key"].get_secret_value()
            CreditingAccount.from_url(url.get_secret_value(), key)
            if len(key) < _PAYMENTS_KEY_LENGTH:
                raise ValueError(f"needs HEARTH_CREDITING_KEY, of at least {_PAYMENTS_KEY_LENGTH} characters")
        return url

    @field_validator("sim_registry_url")
    @classmethod
    def _check_sim_registry_url(cls, url: SecretStr | None, known: ValidationInfo) -> SecretStr | None:
        if url is not None:
            key = known.data["sim_registry_key"].get_secret_value()
            CamaraAccount.from_url(url.get_secret_value(), key)
            if not key:
                raise ValueError("needs HEARTH_SIM_REGISTRY_KEY, the bearer token of the registry")
        return url

    @field_validator("billing")
    @classmethod
    def _check_billing(cls, billing: str, known: ValidationInfo) -> str:
        if billing != "ledger" and known.data.get("env") == "production":
            raise ValueError(f"must be 'ledger' in production: {billing!r} simulates an outage")
        return billing


def load_development_settings() -> Settings:
    """Read the settings for `hearth run`, which is the development server whether or not HEARTH_ENV says so.

    Raises SettingsRejected where the environment says production: there it would show every SMS to anybody.
    """
    if os.environ.get(f"{PREFIX}ENV") == "production":
        raise SettingsRejected(f"{PREFIX}ENV is 'production', where `hearth serve` is the server to run")
    return load_settings(env="development")


def load_settings(**given: Any) -> Settings:
    """Read the settings of this process from the environment; `given` values go before it.

    Raises SettingsRejected with one line for each variable at fault.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        # A field whose default depends on a rejected one has nothing to say of its own.
        causes = [cause for cause in error.errors() if cause["type"] != "default_factory_not_called"]
        raise SettingsRejected(*map(_line, causes)) from None
    except OSError as error:
        raise SettingsRejected(f"{PREFIX}DATA: the secret cannot be kept there: {error}") from None


def _line(cause: ErrorDetails) -> str:
    field = str(cause["loc"][0])
    variable = _SHARED_NAMES.get(field, PREFIX + field.upper())
    if cause["type"] == "value_error":
        return f"{variable} {cause['ctx']['error']}"
    return f"{variable} is not valid: {cause['msg']}, and it is {cause['input']!r}"
