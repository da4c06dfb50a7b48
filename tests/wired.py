"""A line of home internet at a till, and a bundle, for tests of what is asked of people."""

from typing import Any

from resolvers.node_id import encode
from tests.cabinet import Cabinet
from tests.test_features import with_values
from tests.till import ANN, Till

POINT = "SPB-1"
WIRED = """
with account as (
  insert into personal_account (operator, number, kind, contract_id, status, cash_payments_banned)
  select 'beeline', 'H1', 'INTERNET', contract_id, 'ACTIVE', false from personal_account where number = $1 returning id
), line as (
  insert into line (operator, account_id, kind, service_point, status, sim_epoch)
  select 'beeline', id, 'INTERNET', 'SPB-1', 'ACTIVE', 1 from account returning id
), tariff as (
  insert into tariff (operator, code, name, kind, fee, fee_period, connection_fee, included, terms, family_shareable,
    archived, speed_mbps)
  values ('beeline', 'wire', 'Провод', 'INTERNET', 50000, 'MONTH', 0, '[]', '', false, false, 100) returning id
), extra as (
  insert into service (operator, code, name, kind, category, description, fee, fee_period, connection_fee, terms,
    archived, speed_mbps)
  values ('beeline', 'faster', 'Быстрее', 'INTERNET', 'INTERNET_EXTENSION', '', 100, 'DAY', 0, '', false, 300)
)
insert into tariff_subscription (line_id, tariff_id, since) select line.id, tariff.id, now() from line, tariff
"""
BUNDLE = """
insert into bundle (operator, code, name, kinds, fee, discount_percent, terms, archived)
values ('beeline', 'all', 'Всё вместе', '{MOBILE,INTERNET}', 90000, 20, '', $1) returning id
"""
TICKET = "id number category subject status createdAt answerDueAt closedAt comment line { id }"
SPEED = f"""
mutation ($line: ID!, $mbps: Int!, $comment: String) {{
  requestSpeedIncrease(input: {{lineId: $line, mbps: $mbps, comment: $comment}}) {{
    ticket {{ {TICKET} }} userErrors {{ __typename code field }}
  }}
}}
"""
ASK_BUNDLE = f"""
mutation ($bundle: ID!, $comment: String) {{
  requestBundle(input: {{bundleId: $bundle, comment: $comment}}) {{
    ticket {{ {TICKET} }} userErrors {{ __typename code field }}
  }}
}}
"""
TICKETS = f"""
query ($status: TicketStatus, $first: Int, $after: String) {{
  viewer {{ tickets(status: $status, first: $first, after: $after) {{
    totalCount pageInfo {{ hasNextPage endCursor }}
    edges {{ node {{ {TICKET} messages {{ totalCount edges {{ node {{ id text fromStaff }} }} }} }} }}
  }} }}
}}
"""


async def wired(till: Till) -> str:
    """Give Ann home internet; answers the global id of its line."""
    await till.rows(WIRED, f"A{ANN}")
    return encode("Line", await till.value("select id from line where service_point = $1", POINT))


def offering(till: Till, **values: Any) -> None:
    """The operator offers this of the internet from now on; the profiles of a till are its own."""
    assert isinstance(till.profiles, dict)
    till.profiles["beeline"] = with_values(till.profiles["beeline"], "internet", **values)


async def ask_speed(who: Cabinet, line: str, mbps: int, **more: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await who.data(SPEED, line=line, mbps=mbps, **more))["requestSpeedIncrease"]
    return payload


async def ask_bundle(who: Cabinet, bundle: str, **more: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await who.data(ASK_BUNDLE, bundle=bundle, **more))["requestBundle"]
    return payload
