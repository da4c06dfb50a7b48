"""What the commands of `hearth` that need the database share: which one, whether it is ready, a loop to run in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import uvloop

from domain.profile import Profile
from models.database import process_database
from models.migrate import is_ready
from server.database import attached, bring_up_to_date, check
from server.failure import StartFailure
from server.operators import served_operators
from server.settings import Settings

Result = TypeVar("Result")


@contextmanager
def command_database(settings: Settings) -> Iterator[tuple[str, Mapping[str, Profile]]]:
    """Give the URL of a database that answers, and the operators' profiles."""
    profiles = served_operators(settings)
    with attached(settings) as (ready, _):
        run(check(ready.dsn))
        yield ready.dsn, profiles


def prepare_for_development(settings: Settings, url: str, profiles: Mapping[str, Profile]) -> None:
    """Bring a development database up to date; in production only `hearth migrate` changes tables."""
    if settings.development:
        run(bring_up_to_date(url, profiles, settings))
    else:
        require_tables(url)


def require_tables(url: str) -> None:
    """Raise StartFailure unless the database has this version's tables and a catalogue."""
    if not run(is_ready(url)):
        raise StartFailure("The database is not migrated: run `hearth migrate` first")


async def with_database(settings: Settings, url: str, work: Coroutine[object, object, Result]) -> Result:
    """Do the work while this process may use the database."""
    async with process_database(url, pool_size=settings.pool_size):
        return await work


def run(work: Coroutine[object, object, Result]) -> Result:
    """Do the work in a loop of its own, of the kind that the server has."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
