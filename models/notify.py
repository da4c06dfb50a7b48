"""What changed, told to every worker: LISTEN/NOTIFY on one channel (DESIGN 3)."""

from collections.abc import Iterator, Sequence

from tortoise.backends.base.client import BaseDBAsyncClient

CHANNEL = "hearth_events"
# PostgreSQL takes 8,000 bytes; events are ASCII.
_LONGEST_PAYLOAD = 7_900


async def notify(connection: BaseDBAsyncClient, *events: str) -> None:
    """Tell that something happened, when the caller's transaction commits; nobody hears of one that is rolled back.

    An event is `<kind>:<id>`, an id and never a value, since whoever hears it reads what it may see:

    - `balance:<personal account>`: the money of that account changed
    - `payment:<payment>`: a payment went on
    - `rights:<user>`: what that user may see or do may have changed, so that open subscriptions look again
    - `session:<user>`: a session of that user has ended
    """
    for payload in _payloads(events):
        await connection.execute_query("select pg_notify($1, $2)", [CHANNEL, payload])


def _payloads(events: Sequence[str]) -> Iterator[str]:
    """The events, apart by commas, in as few payloads as hold them."""
    payload = ""
    for event in events:
        if payload and len(payload) + 1 + len(event) > _LONGEST_PAYLOAD:
            yield payload
            payload = ""
        payload = f"{payload},{event}" if payload else event
    if payload:
        yield payload
