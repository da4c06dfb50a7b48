"""Whose rights change when a household, a link or a line does: all of them are told when the transaction commits."""

from collections.abc import Collection

from tortoise.backends.base.client import BaseDBAsyncClient

from models.notify import notify

# Everybody in these households or in one that a link ties to these lines and accounts, and who holds the lines. A
# SUSPENDED link counts: it may just have been made so.
_CONCERNED = """
with tied as (
  select unnest($1::bigint[]) as household_id
  union select household_id from number_link
    where (line_id = any($2::bigint[]) or account_id = any($3::bigint[])) and confirmed_at is not null
)
select distinct 'rights:' || user_id as event from (
  select m.user_id from tied join membership m using (household_id)
  union select user_id from line where id = any($2::bigint[])
  union select u.id from personal_account a join contract c on c.id = a.contract_id
    join app_user u on u.person_id = c.holder_id where a.id = any($3::bigint[])
  union select u.id from line l join personal_account a on a.id = l.account_id join contract c on c.id = a.contract_id
    join app_user u on u.person_id = c.holder_id where l.id = any($2::bigint[])
) concerned where user_id is not null
"""


async def rights_changed(
    connection: BaseDBAsyncClient,
    *,
    households: Collection[int] = (),
    lines: Collection[int] = (),
    accounts: Collection[int] = (),
) -> None:
    """Tell everybody whose rights over these may have changed, members who have just left among them (I8, N1)."""
    found = await connection.execute_query_dict(_CONCERNED, [list(households), list(lines), list(accounts)])
    await notify(connection, *(row["event"] for row in found), *(f"household:{each}" for each in households))
