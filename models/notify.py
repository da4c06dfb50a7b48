"""Telling whoever listens, in any process, what changed: ids only, at the moment that the transaction commits."""

from collections.abc import Iterable, Iterator

from tortoise.backends.base.client import BaseDBAsyncClient

CHANNEL = "hearth_events"

# PostgreSQL refuses a payload of 8,000 bytes.
_MAX_BYTES = 7_900

_NOTIFY = f"select pg_notify('{CHANNEL}', payload) from unnest($1::text[]) as payload"


async def notify(connection: BaseDBAsyncClient, *events: str) -> None:
    """Tell of events when the caller's transaction commits; nobody hears of one that is rolled back.

    An event is `<kind>:<id>`, an id and never a value, since whoever hears it reads what it may see:

    - `balance:<personal account>`: the money of that account changed
    - `remains:<line>`: what is left in the packages of that line changed (`models/pool.py remains_changed` tells)
    - `payment:<payment>`: a payment went on
    - `rights:<user>`: what that user may see or do may have changed, so that open subscriptions look again
    - `session:<user>`: a session of that user has ended
    - `household:<household>`: its members, links, invitations, transfer or settings changed
    - `link_request:<request>`: a request to be linked was answered, or has ended
    - `services:<line>`: a service of that line was switched on or off
    - `approval:<household>`: a child of it asked for something, or was answered
    - `documents:withdrawn`: a trusted document is none any more

    Raises ValueError for an event that could not be told apart from its neighbours.
    """
    if events:
        await connection.execute_query(_NOTIFY, [list(payloads(events))])


def payloads(events: Iterable[str]) -> Iterator[str]:
    """The events, each once, as comma-separated payloads that PostgreSQL takes."""
    told: list[str] = []
    size = 0
    for event in dict.fromkeys(events):
        kind, colon, identity = event.partition(":")
        if not (kind and colon and identity and event.isascii() and event.isprintable()) or "," in event:
            raise ValueError(f"{event!r} is not <kind>:<id>")
        if len(event) > _MAX_BYTES:
            raise ValueError(f"an event of {len(event)} bytes is more than an id")
        if told and size + len(event) + 1 > _MAX_BYTES:
            yield ",".join(told)
            told, size = [], 0
        told.append(event)
        size += len(event) + 1
    if told:
        yield ",".join(told)
