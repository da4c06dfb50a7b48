"""Everything that can be configured from outside, in one place.

Each field of `Settings` is read from the environment variable HEARTH_<NAME>; an empty variable counts as
absent. In production a missing secret or database refuses to start; in development both take care of
themselves.
"""

from __future__ import annotations

import os
import re
import secrets
import ssl
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

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
from schema.document_limits import DocumentLimits
from server.failure import StartFailure

ROOT = Path(__file__).resolve().parent.parent
SECRET_LENGTH = 32
# They sign what is posted to us too.
_SMS_KEY_LENGTH = 16
_PAYMENTS_KEY_LENGTH = 16
PREFIX = "HEARTH_"

_DATABASE_EXAMPLE = "such as postgresql://user:password@host:5432/hearth"
_RANDOM_EXAMPLE = "such as `openssl rand -base64 48` prints"
_DEVELOPMENT_HINT = " (HEARTH_ENV=development needs none)"


# Variables that others name, and ours in their place.
_SHARED_NAMES = {
    "PORT": "PORT (or HEARTH_PORT)",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "OTEL_EXPORTER_OTLP_ENDPOINT (or HEARTH_OTLP_ENDPOINT)",
}


class SettingsRejected(StartFailure):
    """The environment does not make valid settings; one line for each variable at fault."""


def _development_secret(known: Mapping[str, Any]) -> SecretStr:
    """Return the secret kept in the data directory, made at first use; in production an empty one.

    It is kept so that restarting the development server signs nobody out. A hard link puts the file in
    place whole, so that two servers that start together agree on one secret.
    """
    if known.get("env") != "development":
        return SecretStr("")
    data: Path = known["data"]
    kept = data / "secret"
    if not kept.exists():
        data.mkdir(parents=True, exist_ok=True)
        draft = data / f"secret-{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            kept.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return SecretStr(kept.read_text())


class Settings(BaseSettings):
    """The configuration of one process. Frozen; `model_copy(update=…)` makes a changed one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, validate_by_name=True, validate_by_alias=True
    )

    env: Literal["development", "production"] = "production"
    data: Path = Field(ROOT / ".hearth", description="Folder of the embedded database and of the kept secret")
    # Before any field that can be rejected on its own account: pydantic would skip the factory after it.
    secret: SecretStr = Field(
        default_factory=_development_secret, validate_default=True, description="Key of every HMAC"
    )
    database_url: str | None = Field(None, repr=False, validate_default=True, description="None: the embedded database")
    operator: str = Field("beeline", description="Operator of a request that names none")
    operators_path: Path = ROOT / "operators"
    hosts: Annotated[Mapping[str, str], NoDecode] = Field(
        {}, description="Operator by host name, written 'lk.example.ru=beeline,lk.example.by=life'"
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Web origins that may call with cookies or open a socket, apart by commas"
    )
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535, validation_alias=AliasChoices("PORT", "HEARTH_PORT"))
    workers: int = Field(1, ge=1)
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses and networks of proxies whose X-Forwarded-* headers count, apart by commas"
    )
    introspection: bool = Field(
        default_factory=lambda known: bool(known.get("env") == "development"),
        description="Whether the schema is told to anybody who asks, and hinted at in errors",
    )
    get_queries: bool = Field(False, description="Whether queries are answered over GET too")
    compiled: bool = Field(
        True, description="Whether queries that come again run compiled; graphql-core's executor answers the same"
    )
    documents: Literal["any", "automatic", "trusted"] = Field(
        default_factory=lambda known: "automatic" if known.get("env") == "development" else "any",
        description="Which documents are executed: any, also those that were sent before by their sha256, or trusted",
    )
    manifest: Path | None = Field(
        None,
        description="Trusted documents, as the tools of Relay, graphql-codegen or Apollo list them",
    )
    limits: Annotated[DocumentLimits, NoDecode] = Field(
        DocumentLimits(), description="What a GraphQL document may hold, where not the default: 'depth=12,cost=10000'"
    )
    requests_per_session: int = Field(
        default_factory=lambda known: 60_000 if known.get("env") == "development" else 600,
        ge=1,
        description="Requests a minute that a worker answers one session, all at once or evenly",
    )
    requests_per_network: int = Field(
        default_factory=lambda known: 60_000 if known.get("env") == "development" else 6_000,
        ge=1,
        description="Requests a minute that a worker answers one address (IPv6: a /64) without a session",
    )
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
    def development(self) -> bool:
        """Whether this is a development server, with its inbox, demo people and hints."""
        return self.env == "development"

    @property
    def own_address(self) -> str:
        """Where this server is reached from this machine, such as 'http://127.0.0.1:8000'."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def dsn(self) -> str:
        """The URL of the database, for whoever runs after `server.database.attached` has settled which."""
        if self.database_url is None:
            raise RuntimeError("The embedded database has not been started")
        return self.database_url

    @property
    def key(self) -> bytes:
        """The secret, as the key of every HMAC."""
        return self.secret.get_secret_value().encode()

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

    @field_validator("hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        hosts: dict[str, str] = {}
        for entry in _words(value):
            host, _, operator = (part.strip() for part in entry.partition("="))
            if not host or not operator:
                raise ValueError(f"must look like 'lk.example.ru=beeline', and {entry!r} does not")
            hosts[host.lower()] = operator
        return hosts

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return _words(value) if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://[^/?#@\s]+", origin):
                raise ValueError(f"must name origins such as 'https://lk.example.ru', and {origin!r} is none")
        return origins

    @field_validator("otlp_endpoint")
    @classmethod
    def _check_otlp_endpoint(cls, url: str | None) -> str | None:
        # It may hold a password, and is not repeated.
        if url is not None and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", url):
            raise ValueError("must be the address of a collector, such as 'http://127.0.0.1:4318'")
        return url

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: object) -> object:
        return _words(value) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                everybody = ip_network(proxy).prefixlen == 0
            except ValueError:
                raise ValueError(f"must name addresses such as '10.0.0.0/8', and {proxy!r} is none") from None
            if everybody:
                raise ValueError(f"must not be everybody: {proxy!r} lets any caller choose their own address")
        return proxies

    @field_validator("limits", mode="before")
    @classmethod
    def _split_limits(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        limits: dict[str, int] = {}
        for entry in _words(value):
            name, _, most = (part.strip() for part in entry.partition("="))
            if name not in DocumentLimits.__dataclass_fields__ or not re.fullmatch(r"[1-9][0-9]{0,8}", most):
                known = ", ".join(DocumentLimits.__dataclass_fields__)
                raise ValueError(f"must look like 'depth=12', and {entry!r} does not; there are {known}")
            limits[name] = int(most)
        return DocumentLimits(**limits)

    @field_validator("data", "operators_path")
    @classmethod
    def _make_absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, url: str | None, known: ValidationInfo) -> str | None:
        if url is None and known.data.get("env") == "production":
            raise ValueError(f"is missing: production needs its database, {_DATABASE_EXAMPLE}{_DEVELOPMENT_HINT}")
        # The URL is not repeated in the message, since it may hold a password.
        if url is not None and urlsplit(url).scheme not in ("postgres", "postgresql"):
            raise ValueError(f"must be the URL of a PostgreSQL database, {_DATABASE_EXAMPLE}")
        return url

    @field_validator("secret")
    @classmethod
    def _check_secret(cls, secret: SecretStr, known: ValidationInfo) -> SecretStr:
        text = secret.get_secret_value()
        if known.data.get("env") != "production":
            return secret
        if not text:
            raise ValueError(f"is missing: production needs a random one, {_RANDOM_EXAMPLE}{_DEVELOPMENT_HINT}")
        if len(text) < SECRET_LENGTH or len(set(text)) < SECRET_LENGTH // 4:
            raise ValueError(f"is too weak: it needs at least {SECRET_LENGTH} random characters, {_RANDOM_EXAMPLE}")
        return secret

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


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
