"""The social networks that people sign in with: how each operator is registered there, from the file HEARTH_OIDC.

[letai.VK]
issuer = "https://id.vk.example"
client_id = "…"
client_secret = "…"                                    # none: a public client
redirect_uris = ["https://lk.example.ru/social/vk"]    # exactly as they are registered
"""

import tomllib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from pydantic import ConfigDict, TypeAdapter, ValidationError

from domain.sign_in import SocialProvider
from gateways.oidc import PATIENCE_SECONDS, Provider, Registration, SocialProviders
from server.failure import StartFailure

# What all networks together may have under way: a network that hangs must not hold up a worker's other work.
_MOST_CONNECTIONS = 20

_FILE = TypeAdapter(
    dict[str, dict[SocialProvider, Registration]], config=ConfigDict(extra="forbid", hide_input_in_errors=True)
)

Registrations = Mapping[tuple[str, SocialProvider], Registration]


def read_registrations(path: Path | None, operators: Collection[str]) -> Registrations:
    """The registrations in a file, by operator and network; none without a file.

    Raises StartFailure with a line for each thing that is wrong with it, and never quotes a secret.
    """
    if path is None:
        return {}
    try:
        by_operator = _FILE.validate_python(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StartFailure(f"HEARTH_OIDC: {path} cannot be read: {error}") from None
    except ValidationError as rejected:
        raise StartFailure(*_lines(rejected)) from None
    if unknown := sorted(set(by_operator) - set(operators)):
        raise StartFailure(f"HEARTH_OIDC names the operators {', '.join(unknown)}, which are not served here")
    return {
        (operator, network): registration
        for operator, networks in by_operator.items()
        for network, registration in networks.items()
    }


@asynccontextmanager
async def social_providers(registrations: Registrations) -> AsyncIterator[SocialProviders]:
    """The networks, for the life of the block, with connections that are kept open between calls."""
    if not registrations:
        yield {}
        return
    limits = httpx2.Limits(max_connections=_MOST_CONNECTIONS)
    async with httpx2.AsyncClient(timeout=PATIENCE_SECONDS, limits=limits) as http:
        yield {key: Provider(registration, http) for key, registration in registrations.items()}


def _lines(rejected: ValidationError) -> Iterator[str]:
    for error in rejected.errors(include_input=False, include_url=False):
        place = ".".join(str(part) for part in error["loc"] if part != "[key]")
        yield f"HEARTH_OIDC: {place}: {error['msg'].removeprefix('Value error, ')}"
