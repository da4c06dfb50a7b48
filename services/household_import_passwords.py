"""Passwords and PUK1 codes of an import: each is hashed once a file, and not at all where the stored hash fits."""

import asyncio
from collections.abc import Mapping

from auth.passwords import hash_password, matches
from services.bulk_connection import Connection

# What is stored now for everybody whom the file gives a password.
_STORED = """
select distinct i.password_no, u.password_hash
from import_person i
left join person p on p.operator = i.operator and p.ref = i.ref
left join app_user u on u.person_id = p.id
where i.password_no is not null
"""

_SETTLE = """
update import_person i set password_hash = s.settled
from (
  select i.ctid as row, h.settled
  from import_person i
  left join person p on p.operator = i.operator and p.ref = i.ref
  left join app_user u on u.person_id = p.id
  join unnest($1::int[], $2::text[], $3::text[]) as h (password_no, stored, settled)
    on h.password_no = i.password_no and h.stored is not distinct from u.password_hash
) s
where i.ctid = s.row
"""


async def settle_passwords(connection: Connection, passwords: Mapping[str, int]) -> None:
    """Fill `import_person.password_hash`; `passwords` maps each password of the file to its number there.

    A hash takes some 30 ms, so a file of very many people had better bring `password_hash`.
    """
    if not passwords:
        return
    by_number = {number: password for password, number in passwords.items()}
    fresh: dict[int, str] = {}
    settled: list[tuple[int, str | None, str]] = []
    for number, stored in await connection.fetch(_STORED):
        password = by_number[number]
        if stored is not None and await asyncio.to_thread(matches, stored, password):
            settled.append((number, stored, stored))
            continue
        if number not in fresh:
            fresh[number] = await asyncio.to_thread(hash_password, password)
        settled.append((number, stored, fresh[number]))
    numbers, before, after = zip(*settled, strict=True)
    await connection.execute(_SETTLE, numbers, before, after)


_PUK = "update line set puk1_hash = $3 where operator = $1 and msisdn = $2 and puk1_hash is null"


async def settle_puks(connection: Connection, puks: Mapping[tuple[str, str], str]) -> None:
    """Store the PUK1 of lines that have none yet; each is a hash of some 30 ms."""
    for (operator, msisdn), puk1 in puks.items():
        await connection.execute(_PUK, operator, msisdn, await asyncio.to_thread(hash_password, puk1))
