"""All that a line can have at once, for tests of what passes on with a number and what does not."""

from tests.databases import fetch

_SERVICE = """
insert into service (operator, code, name, kind, category, description, fee, fee_period, connection_fee, terms,
  archived) values ('beeline', 'held', 'Held', 'MOBILE', 'OTHER', '', 300, 'DAY', 0, '', false)
on conflict (operator, code) do update set name = excluded.name returning id
"""
_TARIFF = """
insert into tariff (operator, code, name, kind, fee, fee_period, connection_fee, included, terms, family_shareable,
  archived) values ('beeline', 'held', 'Held', 'MOBILE', 5000, 'DAY', 0, '[]', '', false, false)
on conflict (operator, code, version) do update set name = excluded.name returning id
"""
# Both are due, so that a worker would charge them.
_HAVE = (
    """insert into service_subscription (line_id, service_id, since, next_charge_at, trial_ends_at)
       values ($1, $2, now(), now(), now() - interval '1 day')""",
    """insert into package_counter (line_id, code, name, unit, source, total, remaining, unlimited, as_of)
       values ($1, 'service:' || $2::bigint, 'Held', 'SMS', 'SERVICE', 9, 9, false, now())""",
    "insert into ringback_rule (line_id, tone_id, for_numbers, set_at) values ($1, $2, '{}', now())",
)
_TABLES = (
    "tariff_subscription", "service_subscription", "package_counter", "pool_share", "ringback_rule", "status_message"
)  # fmt: skip


async def have_of_everything(url: str, line_id: int) -> int:
    """Give the line a tariff and a service that are due, a package, a tone and a message; gives the service."""
    [(service,)] = await fetch(url, _SERVICE)
    [(tariff,)] = await fetch(url, _TARIFF)
    for statement in _HAVE:
        await fetch(url, statement, line_id, service)
    await fetch(
        url,
        "insert into tariff_subscription (line_id, tariff_id, since, next_charge_at) values ($1, $2, now(), now()) "
        "on conflict (line_id) do update set tariff_id = $2",
        line_id,
        tariff,
    )
    await fetch(url, "insert into status_message (line_id, text, set_at) values ($1, 'Away', now())", line_id)
    return int(service)


async def had(url: str, *line_ids: int) -> list[str]:
    """What there is of all that on these lines, by its tables."""
    found = [
        (name, await fetch(url, f"select from {name} where line_id = any($1::bigint[])", list(line_ids)))
        for name in _TABLES
    ]
    return [name for name, rows in found if rows]
