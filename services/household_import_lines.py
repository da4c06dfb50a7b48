"""Which stored lines a file speaks of: its records name them by number or service point.

`known_line` holds those of them that are stored, and only those. A view over all lines would do the same, but
PostgreSQL would read them all for a file of one household.
"""

from services.bulk_connection import Connection

_ADDRESSES = """
create temp table import_address on commit drop as
select operator, address from import_line
union select target, address from import_link where address is not null
union select operator, address from import_usage
union select operator, address from import_internet_session;
analyze import_address;
create temp table known_line (id bigint, operator text, address text, account_id bigint, user_id bigint)
  on commit drop
"""

_RESOLVE = """
truncate known_line;
insert into known_line
select l.id, i.operator, i.address, l.account_id, l.user_id
from import_address i join line l on l.operator = i.operator and l.msisdn = i.address
union all
select l.id, i.operator, i.address, l.account_id, l.user_id
from import_address i join line l on l.operator = i.operator and l.service_point = i.address;
analyze known_line
"""


async def find_lines(connection: Connection) -> None:
    """Make `known_line`, once everything is staged."""
    await connection.execute(_ADDRESSES)
    await find_lines_again(connection)


async def find_lines_again(connection: Connection) -> None:
    """Bring `known_line` up to date, once the file's own lines are stored."""
    await connection.execute(_RESOLVE)
