"""The database of a command: the embedded one or the one in HEARTH_DATABASE_URL, and whether it will do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import asyncpg

from domain.profile import Profile
from models.migrate import migrate, server_version
from server.embedded_postgres import EmbeddedPostgres
from server.failure import DatabaseUnavailable, StartFailure
from server.postgres_programs import OLDEST_VERSION
from server.settings import Settings
from services import catalogue
from services.catalogue_file import CatalogueRejected

_INSUFFICIENT_PRIVILEGE = "42501"
_ANSWER_SECONDS = 5.0


@contextmanager
def attached(settings: Settings) -> Iterator[tuple[Settings, EmbeddedPostgres | None]]:
    """Give settings that name a database, and the embedded PostgreSQL if that is the one.

    The embedded server is left again at the end, and stops when this was its last user.
    """
    if settings.database_url is not None:
        yield settings, None
        return
    postgres = EmbeddedPostgres(settings.data / "database")
    with postgres as url:
        yield settings.model_copy(update={"database_url": url}), postgres


async def check(url: str) -> None:
    """Raise DatabaseUnavailable unless a PostgreSQL that is new enough answers within about five seconds."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            version = await server_version(url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(
            f"The database {_place(url)} (HEARTH_DATABASE_URL) does not answer: {_reason(error)}"
        ) from error
    if version < OLDEST_VERSION:
        raise DatabaseUnavailable(
            f"The database {_place(url)} (HEARTH_DATABASE_URL) is PostgreSQL {version}: "
            f"Hearth needs {OLDEST_VERSION} or newer."
        )


async def bring_up_to_date(url: str, profiles: Mapping[str, Profile], settings: Settings) -> list[str]:
    """Migrate the database and load the operators' catalogues; return the names of new migrations.

    Raises DatabaseUnavailable when the account may not create tables, as is usual since PostgreSQL 15, and
    StartFailure for a catalogue that is broken.
    """
    try:
        applied = await migrate(url)
    except Exception as error:
        if not _is_denied(error):
            raise
        raise DatabaseUnavailable(
            f"The account in HEARTH_DATABASE_URL may not create tables in {_place(url)}: "
            "make it the owner of the database."
        ) from error
    try:
        await catalogue.load(url, profiles, settings.operators_path)
    except CatalogueRejected as rejected:
        raise StartFailure(*rejected.problems) from rejected
    return applied


def _place(url: str) -> str:
    """Return host, port and name of a database, never its password."""
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or "localhost"])[-1]
    return f"{host}:{parts.port or 5432}{parts.path}"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing heard within {_ANSWER_SECONDS:.0f} seconds"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (str(error) or type(error).__name__).splitlines()[0]


def _is_denied(error: BaseException | None) -> bool:
    # Tortoise wraps what asyncpg raised.
    while error is not None:
        if getattr(error, "sqlstate", None) == _INSUFFICIENT_PRIVILEGE:
            return True
        error = error.__cause__
    return False
