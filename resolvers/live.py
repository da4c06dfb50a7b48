"""Following what changes: a subscription names what it watches and how to load it, the rest is the same for all."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from typing import TypeVar

import structlog

from models.reader import SILENT
from resolvers.context import Context

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_PAUSE_SECONDS = 1.0

_log = structlog.get_logger()


async def follow(
    context: Context,
    watched: Callable[[Context], Awaitable[Mapping[K, str]]],
    load: Callable[[Context, K], Awaitable[V | None]],
) -> AsyncGenerator[V, None]:
    """What is watched, each thing at once and then whenever it changes; ends when nothing of it may be seen (E59).

    `watched` tells which keys there are now, and the event that tells of each one's change; it is asked again when
    the viewer's rights may have changed. `load` answers None for what the viewer may not see, or not any more, and
    reads through `context.loaders`: session, reader and loaders are new for every event (I8). While the database does
    not answer, nothing is told and nothing forgotten. Raises `CallerError` without a session, and when it has ended.
    """
    live = context.live
    assert live is not None, "only a transport that can tell more than once runs subscriptions"
    rights = f"rights:{context.require_viewer().user_id}"
    # Whoever listens first and reads then misses nothing that happens meanwhile.
    live.listen([rights])
    events: dict[K, str] = {}
    pending: list[K] = []
    look_around = True
    while not live.closed and (look_around or events):
        if not look_around and not pending:
            await context.rest()
            if (heard := await live.heard()) is None:
                return
            look_around = rights in heard
            pending = [key for key, event in events.items() if event in heard]
            continue
        # Who has its turn needs a connection, and must not wait for those who hold one until it is theirs.
        await context.reads.release()
        await live.turn()
        try:
            await context.renew()
            if look_around:
                before, events = events, dict(await watched(context))
                live.listen([rights, *events.values()])
                pending = [key for key in events if key in pending or key not in before]
                look_around = False
            found = await load(context, pending[0]) if pending else None
        except SILENT as error:
            _log.warning("an event waits for the database", error=type(error).__name__)
            await context.rest()
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        if not pending:
            continue
        key = pending.pop(0)
        if found is None:
            del events[key]
            continue
        yield found
        if context.unanswered:  # in a field of the answer, which the transport has thrown away
            pending.append(key)
            await context.rest()
            await asyncio.sleep(_PAUSE_SECONDS)
