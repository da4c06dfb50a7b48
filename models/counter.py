"""Counters for limits, shared by all workers: one upsert counts and answers (SPEC 4.7)."""

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


async def count(connection: BaseDBAsyncClient, key: str, window_seconds: int) -> tuple[int, datetime]:
    """Count one more event under `key`; gives the count in the running window and when that window ends."""
    [row] = await connection.execute_query_dict(_COUNT, [key, float(window_seconds)])
    return row["count"], row["ends_at"]


# A counter that counts nothing is not there.
_TAKE_BACK = """
with gone as (delete from counter where key = any($1::text[]) and count <= 1)
update counter set count = count - 1 where key = any($1::text[]) and count > 1
"""


async def take_back(connection: BaseDBAsyncClient, keys: list[str]) -> None:
    """Let the last event under each key not count: it turned out not to be one."""
    await connection.execute_query(_TAKE_BACK, [keys])
