"""The settings of what a server is, where it is reached, and what it lets in."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.document_limits import DocumentLimits

ROOT = Path(__file__).resolve().parent.parent
SECRET_LENGTH = 32
PREFIX = "HEARTH_"

_DATABASE_EXAMPLE = "such as postgresql://user:password@host:5432/hearth"
_RANDOM_EXAMPLE = "such as `openssl rand -base64 48` prints"
_DEVELOPMENT_HINT = " (HEARTH_ENV=development needs none)"


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


class EdgeSettings(BaseSettings):
    """The part of `Settings` that says what this server is and whom it answers; the rest may ask it."""

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

    sockets_per_user: int = Field(
        default_factory=lambda known: 10_000 if known.get("env") == "development" else 20,
        ge=1,
        description="WebSockets that a worker keeps open for one user",
    )
    sockets_per_network: int = Field(
        default_factory=lambda known: 10_000 if known.get("env") == "development" else 1_000,
        ge=1,
        description="WebSockets that a worker keeps open for one address (IPv6: a /64), which many may share",
    )

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


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
