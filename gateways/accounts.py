"""Who we are at the gateways, as URLs of the settings say it. Each raises ValueError with what is expected."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SMPP_EXAMPLE = "such as 'smpp://system_id:password@smsc.example:2775?source=1070'"
HTTP_EXAMPLE = "such as 'https://sms.example/messages'"
CREDITING_EXAMPLE = "such as 'https://billing.example/credits'"
SMTP_EXAMPLE = "such as 'smtp://user:password@mail.example:587?from=noreply@example.ru'"
CAMARA_EXAMPLE = "such as 'https://api.operator.example'"
PAYMENTS_EXAMPLE = "such as 'yookassa://shop_id@api.yookassa.ru/v3'"

# What the columns of SMPP 3.4 hold.
_MAX_SYSTEM_ID, _MAX_PASSWORD = 15, 8
_MAX_EMAIL = 254
# One address without a name, comments or quotes; letters of any alphabet, which the mail server may refuse.
_EMAIL = re.compile(r"""[^\x00-\x20\x7f@<>()\[\]\\,;:"\s]+@[^\W_](?:[\w-]|\.(?![.-]))*\.[^\W_](?:[\w-]*[^\W_])?""")
# Up to 11 characters of a name, or a number.
_SOURCE = re.compile(r"[A-Za-z0-9 ._-]{1,11}|[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class SmppAccount:
    """An account at an SMS centre; messages come from `source`, a name or a number."""

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    source: str

    @classmethod
    def from_url(cls, url: str) -> "SmppAccount":
        parts = _split(url, SMPP_EXAMPLE)
        account = cls(
            host=_host(parts, SMPP_EXAMPLE),
            port=parts.port or 2775,
            system_id=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            source=_only(parts, "source", SMPP_EXAMPLE),
        )
        if not _SOURCE.fullmatch(account.source):
            raise ValueError("must have a source of up to 11 letters and digits, or a number, " + SMPP_EXAMPLE)
        if not 1 <= len(account.system_id) <= _MAX_SYSTEM_ID or len(account.password) > _MAX_PASSWORD:
            raise ValueError(
                f"must have a system_id of up to {_MAX_SYSTEM_ID} characters and a password of up to {_MAX_PASSWORD}, "
                "as SMPP 3.4 has them"
            )
        if not (account.system_id + account.password).isascii():
            raise ValueError("must have a system_id and a password of Latin characters")
        return account


@dataclass(frozen=True, slots=True)
class HttpSmsAccount:
    """An account at an SMS provider that speaks HTTP (docs/messages.md)."""

    url: str
    key: str = field(repr=False)

    @classmethod
    def from_url(cls, url: str, key: str) -> "HttpSmsAccount":
        parts = _split(url, HTTP_EXAMPLE)
        host = _host(parts, HTTP_EXAMPLE)
        if parts.scheme != "https" and not _is_this_machine(host):
            raise ValueError("must be an https URL, since messages and the key travel there, " + HTTP_EXAMPLE)
        if parts.username is not None or parts.fragment:
            raise ValueError("must hold no user or fragment: the key is a variable of its own, " + HTTP_EXAMPLE)
        return cls(url, key)


@dataclass(frozen=True, slots=True)
class CreditingAccount:
    """A billing system that is told of payments (docs/payments.md); the key signs what is posted."""

    url: str
    key: str = field(repr=False)

    @classmethod
    def from_url(cls, url: str, key: str) -> "CreditingAccount":
        parts = _split(url, CREDITING_EXAMPLE)
        host = _host(parts, CREDITING_EXAMPLE)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
            raise ValueError(f"must be an https URL, {CREDITING_EXAMPLE}")
        if parts.username is not None or parts.fragment:
            raise ValueError(f"must hold no user or fragment: the key is a variable of its own, {CREDITING_EXAMPLE}")
        return cls(url, key)


@dataclass(frozen=True, slots=True)
class SmtpAccount:
    """An account at a mail server, over TLS: from the first octet, or by STARTTLS."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    sender: str
    tls_at_once: bool

    @classmethod
    def from_url(cls, url: str) -> "SmtpAccount":
        parts = _split(url, SMTP_EXAMPLE)
        if parts.scheme not in ("smtp", "smtps"):
            raise ValueError("must be the URL of a mail server, " + SMTP_EXAMPLE)
        sender = _only(parts, "from", SMTP_EXAMPLE)
        if not is_email(sender):
            raise ValueError("must name a sender, " + SMTP_EXAMPLE)
        at_once = parts.scheme == "smtps"
        return cls(
            host=_host(parts, SMTP_EXAMPLE),
            port=parts.port or (465 if at_once else 587),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=sender,
            tls_at_once=at_once,
        )


@dataclass(frozen=True, slots=True)
class YooKassaAccount:
    """A shop at YooKassa; `url` is where its API is."""

    url: str
    shop_id: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Who we are at the bank simulator; the key signs both ways."""

    url: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CamaraAccount:
    """The root of an operator's CAMARA interfaces, and the OAuth bearer token that opens them."""

    url: str
    key: str = field(repr=False)

    @classmethod
    def from_url(cls, url: str, key: str) -> "CamaraAccount":
        parts = _split(url, CAMARA_EXAMPLE)
        host = _host(parts, CAMARA_EXAMPLE)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
            raise ValueError(f"must be an https URL, {CAMARA_EXAMPLE}")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError(f"must hold no user or parameter: the token is a variable of its own, {CAMARA_EXAMPLE}")
        return cls(url.rstrip("/"), key)


def payments_account(url: str, key: str) -> YooKassaAccount | BankAccount:
    """The account at the payment provider that a URL names.

    The providers are reached by https, and by plain http on this machine.
    """
    parts = _split(url, PAYMENTS_EXAMPLE)
    if parts.scheme not in ("yookassa", "bank"):
        raise ValueError(f"must be the URL of a payment provider, {PAYMENTS_EXAMPLE}")
    host = _host(parts, PAYMENTS_EXAMPLE)
    if parts.password is not None or parts.query or parts.fragment:
        raise ValueError(f"must hold no password or parameter: the key is a variable of its own, {PAYMENTS_EXAMPLE}")
    scheme = "http" if _is_this_machine(host) else "https"
    address = f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    if parts.scheme == "bank":
        return BankAccount(address, key)
    if not parts.username:
        raise ValueError(f"must name the shop, {PAYMENTS_EXAMPLE}")
    return YooKassaAccount(address, unquote(parts.username), key)


def sms_account(url: str, key: str) -> SmppAccount | HttpSmsAccount:
    """The account at the SMS gateway that a URL names; `key` is used over HTTP."""
    scheme = urlsplit(url).scheme
    if scheme == "smpp":
        return SmppAccount.from_url(url)
    if scheme in ("http", "https"):
        return HttpSmsAccount.from_url(url, key)
    raise ValueError(f"must be the URL of an SMS gateway, {SMPP_EXAMPLE} or {HTTP_EXAMPLE}")


def is_email(text: str) -> bool:
    """Whether this is one e-mail address and nothing else, such as a list of them."""
    return len(text) <= _MAX_EMAIL and _EMAIL.fullmatch(text) is not None


def _split(url: str, example: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read here, since only reading it tells that it is none
    except ValueError:
        raise ValueError(f"must be a URL {example}") from None
    return parts


def _host(parts: SplitResult, example: str) -> str:
    if not parts.hostname:
        raise ValueError(f"must name a host, {example}")
    return parts.hostname


def _only(parts: SplitResult, name: str, example: str) -> str:
    """The value of the one parameter that a URL has. A mistyped one must not be passed over in silence."""
    given = parse_qsl(parts.query, keep_blank_values=True)
    if parts.path not in ("", "/") or parts.fragment or [key for key, _ in given] != [name]:
        raise ValueError(f"must end with '?{name}=…' alone, {example}")
    return given[0][1]


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
