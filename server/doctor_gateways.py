"""Whether those whom the server talks to are configured, and answer: asked at once, for a few seconds, for nothing.

Over HTTP any answer will do, since none of the protocols has a question that changes nothing and shows no key. A mail
server is gone to as far as a message would go. An SMS centre is only connected to: a bind might end the worker's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection, Coroutine, Iterator
from typing import NamedTuple

import httpx2

from domain.challenge import ChallengeChannel
from gateways.accounts import BankAccount, CamaraAccount, CreditingAccount, HttpSmsAccount, SmppAccount, YooKassaAccount
from gateways.messages import GatewayUnavailable
from gateways.oidc import ProviderUnavailable
from gateways.smtp import SmtpGateway
from server.findings import Finding, State
from server.settings import Settings
from server.social import read_registrations, social_providers

_PATIENCE_SECONDS = 4.0

_Account = SmppAccount | HttpSmsAccount | YooKassaAccount | BankAccount | CreditingAccount | CamaraAccount
Ask = Callable[[], Coroutine[object, object, None]]


class _Silent(Exception):
    """There was no answer, or one that is as good as none; the text says so, and quotes nothing."""


class _Configured(NamedTuple):
    """One of those that are configured: what it is called, where it is set, and how to ask whether it answers."""

    name: str
    variable: str
    ask: Ask


def gateways(settings: Settings) -> list[Finding]:
    """A finding for each gateway; one that does not answer is a warning, since what waits for it goes on waiting."""
    return [*_missing(settings), *asyncio.run(_reached(settings))]


def social_networks(settings: Settings, operators: Collection[str]) -> list[Finding]:
    """A finding for each network to sign in with. Raises StartFailure where the file of them is broken."""
    return asyncio.run(_networks(settings, operators))


async def _reached(settings: Settings) -> list[Finding]:
    async with httpx2.AsyncClient(timeout=None, trust_env=False) as http:
        return await _asked([*_configured(settings, http)])


async def _networks(settings: Settings, operators: Collection[str]) -> list[Finding]:
    async with social_providers(read_registrations(settings.oidc, operators)) as networks:
        return await _asked(
            [
                _Configured(f"{operator}.{network}", "HEARTH_OIDC", provider.check)
                for (operator, network), provider in networks.items()
            ]
        )


def _missing(settings: Settings) -> Iterator[Finding]:
    simulated = settings.development
    for name, account, variable, found, state in (
        ("sms", settings.sms_account, "SMS_URL", _channel(ChallengeChannel.SMS), State.PROBLEM),
        ("voice", settings.voice_account, "VOICE_URL", _channel(ChallengeChannel.VOICE_CALL), State.WARNING),
        ("email", settings.email_account, "EMAIL_URL", _channel(ChallengeChannel.EMAIL), State.WARNING),
        ("payments", settings.payments_account, "PAYMENTS_URL", "nobody can pay", State.WARNING),
        ("sim registry", settings.sim_registry_account, "SIM_REGISTRY_URL", "swapped SIMs go unnoticed", State.WARNING),
    ):
        if account is not None:
            continue
        if simulated:
            yield Finding(name, State.OK, "simulated, as in development")
        else:
            yield Finding(name, state, found, f"set HEARTH_{variable}")


def _channel(channel: ChallengeChannel) -> str:
    return f"no code can be sent by {channel.lower().replace('_', ' ')}"


def _configured(settings: Settings, http: httpx2.AsyncClient) -> Iterator[_Configured]:
    if settings.sms_account is not None:
        yield _Configured("sms", "HEARTH_SMS_URL", _asking(settings.sms_account, http))
    if settings.voice_account is not None:
        yield _Configured("voice", "HEARTH_VOICE_URL", _asking(settings.voice_account, http))
    if settings.email_account is not None:
        mail = SmtpGateway(settings.email_account, settings.email_ca)
        yield _Configured("email", "HEARTH_EMAIL_URL", mail.check)
    if settings.payments_account is not None:
        yield _Configured("payments", "HEARTH_PAYMENTS_URL", _asking(settings.payments_account, http))
    if settings.crediting_account is not None:
        yield _Configured("billing", "HEARTH_CREDITING_URL", _asking(settings.crediting_account, http))
    if settings.sim_registry_account is not None:
        yield _Configured("sim registry", "HEARTH_SIM_REGISTRY_URL", _asking(settings.sim_registry_account, http))


def _asking(account: _Account, http: httpx2.AsyncClient) -> Ask:
    async def connect(host: str, port: int) -> None:
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        await writer.wait_closed()

    async def ask(url: str) -> None:
        async with http.stream("GET", url, follow_redirects=False) as response:
            if response.status_code >= 500:
                raise _Silent(f"answers {response.status_code}")

    if isinstance(account, SmppAccount):
        return lambda: connect(account.host, account.port)
    return lambda: ask(account.url)


async def _asked(configured: list[_Configured]) -> list[Finding]:
    return await asyncio.gather(*(_finding(each) for each in configured))


async def _finding(configured: _Configured) -> Finding:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await configured.ask()
    except (_Silent, GatewayUnavailable, ProviderUnavailable, OSError, TimeoutError, httpx2.HTTPError) as error:
        advice = f"see that it is up, and that {configured.variable} is right"
        return Finding(configured.name, State.WARNING, _reason(error), advice)
    return Finding(configured.name, State.OK, "answers")


def _reason(error: Exception) -> str:
    """Why there was no answer. Texts of others may quote the address, and with it a password."""
    match error:
        case _Silent() | GatewayUnavailable() | ProviderUnavailable():
            return str(error)
        case TimeoutError():
            return f"does not answer within {_PATIENCE_SECONDS:.0f} s"
        case _ if _is_about_trust(error):
            return "its certificate is not trusted"
        case _:
            return f"does not answer: {type(error).__name__}"


def _is_about_trust(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
