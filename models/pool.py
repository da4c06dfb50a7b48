"""The pool of a household (F156): whose gigabytes are in it, and who may take of them; and telling of packages."""

from collections.abc import Collection

from tortoise.backends.base.client import BaseDBAsyncClient

from models.notify import notify

# A link counts while its household may act by it (I7), as in `models/visible.py`.
_LINKED = """
select nl.household_id, nl.line_id, nl.scopes from number_link nl
join line ll on ll.id = nl.line_id and ll.sim_epoch = nl.sim_epoch
join personal_account la on la.id = ll.account_id
join contract lc on lc.id = la.contract_id and lc.epoch = nl.contract_epoch
where nl.status = 'ACTIVE' and (nl.reverify_by is null or nl.reverify_by > now())
"""

# Who buys a tariff for a family shares it: the owner, and for the children who uses their lines. Other adults' own
# packages are theirs, unless they agreed that gigabytes are given away (TRANSFER).
GIVERS = f"""
select h.id as household_id, l.id as line_id
from household h join membership m on m.household_id = h.id and m.status = 'ACTIVE' and m.role in ('OWNER', 'CHILD')
join line l on l.user_id = m.user_id and l.operator = h.operator
where h.dissolved_at is null
union
select h.id, k.line_id from ({_LINKED}) k join household h on h.id = k.household_id and h.dissolved_at is null
join line l on l.id = k.line_id and l.operator = h.operator
where 'TRANSFER' = any(k.scopes)
"""
# The packages in pools, as `p` with their household.
POOLED = f"""
select g.household_id, p.* from ({GIVERS}) g
join line gl on gl.id = g.line_id and gl.status = 'ACTIVE'
join tariff_subscription gs on gs.line_id = g.line_id join tariff gt on gt.id = gs.tariff_id and gt.family_shareable
join package_counter p on p.line_id = g.line_id and p.source = 'TARIFF' and p.unit = 'BYTE' and not p.unlimited
  and p.scope is null and (p.expires_at is null or p.expires_at > now())
"""
# Lines that are a household's, so that they may take of its pool.
TAKERS = f"""
select m.household_id, l.id as line_id
from membership m join household h on h.id = m.household_id and h.dissolved_at is null
join line l on l.user_id = m.user_id and l.operator = h.operator where m.status = 'ACTIVE'
union
select h.id, k.line_id from ({_LINKED}) k join household h on h.id = k.household_id and h.dissolved_at is null
join line l on l.id = k.line_id and l.operator = h.operator
"""

# Whoever may take of what these lines put into a pool sees another remain too.
_CONCERNED = f"""
select 'remains:' || id as event from line where id = any($1::bigint[])
union select 'remains:' || s.line_id from pool_share s join ({GIVERS}) g on g.household_id = s.household_id
where g.line_id = any($1::bigint[])
"""
_END = """
delete from pool_share s using line l
where l.id = s.line_id and s.household_id = $1 and ($2::bigint is null or l.user_id = $2 or not exists (
  select from membership m where m.household_id = s.household_id and m.user_id = l.user_id and m.status = 'ACTIVE')
  and not exists (select from number_link nl where nl.household_id = s.household_id and nl.line_id = s.line_id
    and nl.status in ('ACTIVE', 'SUSPENDED')))
returning s.line_id
"""


async def remains_changed(connection: BaseDBAsyncClient, line_ids: Collection[int]) -> None:
    """Tell that what these lines have left in their packages changed, in the transaction that changed it (F062)."""
    if line_ids:
        rows = await connection.execute_query_dict(_CONCERNED, [list(line_ids)])
        await notify(connection, *(row["event"] for row in rows))


async def shares_end(connection: BaseDBAsyncClient, household_id: int, user_id: int | None) -> None:
    """End what lines may take of a household's pool when a user leaves it, or all of it when it ends (None)."""
    rows = await connection.execute_query_dict(_END, [household_id, user_id])
    await remains_changed(connection, [row["line_id"] for row in rows])
