"""Databases that are lent to one test after the other, and put back to what they were in between."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count

import asyncpg

from tests.databases import at_rest, created


class Copies:
    """Databases like a template, lent to one test at a time.

    What a test did is undone afterwards, which takes a tenth of the time of a new database; where that cannot be
    done, as after a change of the tables themselves, the database is dropped.
    """

    def __init__(self, engine: str, name: str, template: str) -> None:
        self._engine, self._name, self._template = engine, name, template
        self._made = count()
        self._free: list[Copy] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Copies":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[str]:
        """The URL of a database that is as the template is."""
        copy = self._free.pop() if self._free else await self._new()
        yield copy.url
        if await copy.put_back():
            self._free.append(copy)
        else:
            await copy.life.aclose()

    async def _new(self) -> "Copy":
        life = await self._stack.enter_async_context(AsyncExitStack())
        url = await life.enter_async_context(created(self._engine, f"{self._name}_{next(self._made)}", self._template))
        keeper = await asyncpg.connect(url, server_settings={"session_replication_role": "replica"})
        life.push_async_callback(keeper.close)
        await keeper.execute(_KEEP)
        await keeper.execute(_KEPT)
        return Copy(url, life, keeper)


@dataclass(frozen=True)
class Copy:
    """A database that knows what it was when it was made, and whoever puts it back to that."""

    url: str
    life: AsyncExitStack
    keeper: "asyncpg.Connection[asyncpg.Record]"

    async def put_back(self) -> bool:
        """Undo all that was done to the rows; False where more than that was done."""
        ours = await at_rest(self.url)
        if ours is None:
            return False
        await self.keeper.execute(_END_OTHERS, ours)
        return bool(await self.keeper.fetchval("select kept.put_back()"))


_END_OTHERS = """
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> all($1::int[] || pg_backend_pid())
"""

# A copy of all rows, and a function that deletes what is newer than them and inserts what is missing. Its statements
# are written out for each table, since PostgreSQL remembers the plans of such.
_KEEP = """
create schema kept;

-- What is newer than it was, or not there any more, of all that is not rows.
create function kept.shape() returns text stable language sql as $$
select concat_ws(' ',
  (select (count(*), sum(hashtext(relname::text))) from pg_class where relpersistence <> 't'),
  (select max(xmin::text::bigint) from pg_attribute where attnum > 0),
  (select (count(*), max(xmin::text::bigint)) from pg_constraint),
  (select (count(*), max(xmin::text::bigint)) from pg_trigger),
  (select (count(*), max(xmin::text::bigint)) from pg_proc),
  (select count(*) from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
   where d.datname = current_database())
)
$$;

do $$
declare
  one record;
  known bigint;
  body text := '';
begin
  for one in
    select c.oid, quote_ident(c.relname) as name, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns,
      (select string_agg(format('t.%1$I = k.%1$I', key.attname), ' and ') from pg_index i
       join pg_attribute key on key.attrelid = c.oid and key.attnum = any(i.indkey)
       where i.indrelid = c.oid and i.indisprimary) as same
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      and a.attgenerated = ''
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
    group by c.oid, c.relname
  loop
    body := body || format('delete from public.%s where age(xmin) < age(before);', one.name);
    execute format('select count(*) from public.%s', one.name) into known;
    continue when known = 0;
    execute format('create table kept.%1$s as select %2$s from public.%1$s', one.name, one.columns);
    body := body || format(
      'if (select count(*) from public.%1$s) <> %2$s then insert into public.%1$s (%3$s) overriding system value'
      ' select %3$s from kept.%1$s k where not exists (select from public.%1$s t where %4$s); end if;',
      one.name, known, one.columns, one.same);
  end loop;
  for one in select sequencename as name, coalesce(last_value, start_value) as value, last_value is not null as called
    from pg_sequences where schemaname = 'public'
  loop
    body := body || format('perform setval(''public.%I'', %s, %L);', one.name, one.value, one.called);
  end loop;
  execute format($made$
    create function kept.put_back() returns boolean language plpgsql as $body$
    declare
      before xid := (select mark from kept.state);
    begin
      if kept.shape() <> (select shape from kept.state) then return false; end if;
      %s
      update kept.state set mark = pg_current_xact_id()::xid;
      return true;
    end $body$ $made$, body);
end $$;

create table kept.state (mark xid not null, shape text not null);
"""
_KEPT = "insert into kept.state select pg_current_xact_id()::xid, kept.shape()"
