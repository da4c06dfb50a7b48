"""What a line has ends with its holder: services, tariff, packages, and what callers hear (E24–E26).

Whoever gets the number next has agreed to nothing of it and pays for nothing. Nothing is charged and nothing is given
back: what the old holder paid for was theirs. The histories stay, and who looks into them sees their own time only.
"""

from tortoise.backends.base.client import BaseDBAsyncClient

from services import line_change


def ending(lines: str) -> str:
    """The statement that ends it, where the line passes on; `lines` is SQL that gives `line_id`.

    Rows go, and are not ended: a trial that was had, and what is paid for, are the old holder's.
    """
    of_them = "where line_id in (select line_id from passed)"
    return f"""
with passed as materialized ({lines}),
noted as (
  insert into service_event (line_id, service_id, action, charge, at)
  select line_id, service_id, 'DISCONNECT', 0, now() from service_subscription
  {of_them} and ended_at is null and (valid_until is null or valid_until > now())
),
tariffs as (delete from tariff_subscription {of_them}),
packages as (delete from package_counter {of_them}),
shares as (delete from pool_share {of_them}),
tones as (delete from ringback_rule {of_them}),
words as (delete from status_message {of_them})
delete from service_subscription {of_them}
"""


_END = ending("select $1::bigint as line_id")


async def end(connection: BaseDBAsyncClient, line_id: int) -> None:
    """End what a line has, in the transaction that passes it on; a change of it that is being made is over before."""
    await line_change.alone(connection, line_id)
    await connection.execute_query(_END, [line_id])
