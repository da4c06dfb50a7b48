"""Counters for limits, shared by all workers: one upsert counts and answers (SPEC 4.7)."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.models import Model


class Counter(Model):
    """How often something happened in the window that began at `started_at`."""

    key = fields.CharField(max_length=400, primary_key=True)
    count: int = fields.IntField(default=0)
    started_at: datetime = fields.DatetimeField()
    ends_at: datetime = fields.DatetimeField()

    class Meta:
        table = "counter"


_COUNT = """
insert into counter (key, count, started_at, ends_at)
values ($1, 1, now(), now() + make_interval(secs => $2))
on conflict (key) do update set
  count = case when counter.ends_at <= now() then 1 else counter.count + 1 end,
  started_at = case when counter.ends_at <= now() then now() else counter.started_at end,
  ends_at = case when counter.ends_at <= now() then excluded.ends_at else counter.ends_at end
returning count, ends_at
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a limit stands: `left` of `most` in a window of so many seconds, which ends at `ends_at`."""

    name: str
    most: int
    window_seconds: int
    left: int
    ends_at: datetime


# What the caller of one operation may be told of limits, by the counter's key; whoever answers sets it (server/).
standings: ContextVar[dict[str, Standing] | None] = ContextVar("standings", default=None)


async def count(
    connection: BaseDBAsyncClient, key: str, window_seconds: int, most: int | None = None, *, shared: bool = False
) -> tuple[int, datetime]:
    """Count one more event under `key`; gives the count in the running window and when that window ends.

    With `most` the caller is told how the limit stands. A count that others add to is `shared`: how much of it is
    left would tell what they did, so only its end is told.
    """
    [row] = await connection.execute_query_dict(_COUNT, [key, float(window_seconds)])
    if most is not None and (row["count"] > most or not shared):
        note(key, most, window_seconds, max(0, most - row["count"]), row["ends_at"])
    return row["count"], row["ends_at"]


def note(key: str, most: int, window_seconds: int, left: int, ends_at: datetime) -> None:
    """Tell the caller how a limit stands; its name is what the key begins with."""
    if (told := standings.get()) is not None:
        told[key] = Standing(key.partition(":")[0], most, window_seconds, left, ends_at)


# A counter that counts nothing is not there.
_TAKE_BACK = """
with gone as (delete from counter where key = any($1::text[]) and count <= 1)
update counter set count = count - 1 where key = any($1::text[]) and count > 1
"""


async def take_back(connection: BaseDBAsyncClient, keys: list[str]) -> None:
    """Let the last event under each key not count: it turned out not to be one."""
    await connection.execute_query(_TAKE_BACK, [keys])
    for key in keys:
        (standings.get() or {}).pop(key, None)
