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

    It ends too when there is nothing to tell for now, and goes on from there when it is called again with the same
    `context.live`: while it waits nothing is held but what that remembers.

    `watched` tells which keys there are now, and the event that tells of each one's change; it is asked again when
    the viewer's rights may have changed. `load` answers None for what the viewer may not see, or not any more, and
    reads through `context.loaders`: session, reader and loaders are new for every event (I8). While the database does
    not answer, nothing is told and nothing forgotten. Raises `CallerError` without a session, and when it has ended.
    """
    live = context.live
    assert live is not None, "only a transport that can tell more than once runs subscriptions"
    rights = f"rights:{context.require_viewer().user_id}"
    look_around = not live.listens
    if look_around:
        # Whoever listens first and reads then misses nothing that happens meanwhile.
        live.listen([rights])
    pending: list[K] = []
    while not live.closed and (look_around or live.followed):
        heard = live.heard()
        look_around = look_around or rights in heard
        pending += [key for key, event in live.followed.items() if event in heard and key not in pending]
        if not look_around and not pending:
            return
        # Who has its turn needs a connection, and must not wait for those who hold one until it is theirs.
        await context.reads.release()
        await live.turn()
        try:
            await context.renew()
            if look_around:
                before, live.followed = live.followed, dict(await watched(context))
                live.listen([rights, *live.followed.values()])
                pending = [key for key in live.followed if key in pending or key not in before]
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
            del live.followed[key]
            continue
        yield found
        if context.unanswered:  # in a field of the answer, which the transport has thrown away
            pending.append(key)
            await context.rest()
            await asyncio.sleep(_PAUSE_SECONDS)
    live.listen(())
