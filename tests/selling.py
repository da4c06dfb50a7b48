"""Services for tests, and people who switch them on and off in the cabinet of `till`."""

from itertools import count
from typing import Any

import orjson

from resolvers.node_id import encode
from tests.cabinet import Cabinet
from tests.till import Till

SELL = """
insert into service (operator, code, name, kind, category, description, fee, fee_period, connection_fee, terms,
  trial_days, age_rating, archived, included, valid_days)
values ($1, $2, $2, $3, $4, '', $5, $6, $7, '', $8, $9, $10, $11::jsonb, $12) returning id
"""
_PRICE = """
dueNow { amount currency } firstMonthTotal { amount } monthlyTotal { amount } token expiresAt warnings
lines { label amount { amount } period freeDays }
"""
_ERROR = f"""
__typename code field message
... on PriceChanged {{ quote {{ {_PRICE} }} }}
... on ServiceIncompatible {{ kind service {{ code }} other {{ code }} }}
... on ServiceUnpaid {{ price {{ amount }} }}
... on LimitExceeded {{ answer }}
"""
_PAYLOAD = f"""
  clientMutationId
  subscription {{
    id since validUntil trialEndsAt nextCharge {{ amount }} nextChargeAt endedAt paidUntil canDisconnect
    service {{ code }} line {{ id }} connectedBy {{ label role isViewer isOperatorStaff }}
  }}
  approval {{ id title status action price {{ amount }} }}
  userErrors {{ {_ERROR} }}
"""
QUOTE = f"""
mutation ($line: ID!, $service: ID!) {{
  quoteService(input: {{lineId: $line, serviceId: $service}}) {{ quote {{ {_PRICE} }} userErrors {{ {_ERROR} }} }}
}}
"""
CONNECT = f"""
mutation ($key: ID!, $line: ID!, $service: ID!, $token: String) {{
  connectService(input: {{idempotencyKey: $key, lineId: $line, serviceId: $service, quoteToken: $token,
    clientMutationId: "m"}}) {{ {_PAYLOAD} }}
}}
"""
EXTEND = CONNECT.replace("connectService", "extendInternet")
DISCONNECT = f"""
mutation ($key: ID!, $subscription: ID!) {{
  disconnectService(input: {{idempotencyKey: $key, subscriptionId: $subscription}}) {{ {_PAYLOAD} }}
}}
"""
TRY_TV = f"""
mutation ($line: ID!, $service: ID!) {{
  startTvTrial(input: {{lineId: $line, serviceId: $service}}) {{ {_PAYLOAD} }}
}}
"""
CONNECTED = """
query ($line: ID!) { node(id: $line) { ... on Line {
  connectedServices { edges { node { id service { code } } } }
  serviceHistory { totalCount edges { node {
    id action at service { code } charge { amount } actor { label role isViewer isOperatorStaff }
  } } }
} } }
"""

_keys = count()


def key() -> str:
    """A name that no other wish of the tests has."""
    return f"wish-{next(_keys):08}"


async def sell(till: Till, code: str, fee: int = 0, every: str = "MONTH", **more: Any) -> str:
    """Put a service into the catalogue; gives its global id."""
    told = [
        more.get("operator", "beeline"),
        code,
        more.get("kind", "MOBILE"),
        more.get("category", "OTHER"),
        fee,
        every,
        more.get("connection_fee", 0),
        more.get("trial_days"),
        more.get("age_rating"),
        more.get("archived", False),
        orjson.dumps(more.get("included", [])).decode(),
        more.get("valid_days"),
    ]
    return encode("Service", await till.value(SELL, *told))


async def relate(till: Till, service: str, other: str, kind: str) -> None:
    await till.rows(
        """insert into service_relation (service_id, other_id, kind)
           select s.id, o.id, $3 from service s, service o where s.code = $1 and o.code = $2""",
        service, other, kind,
    )  # fmt: skip


async def quoted(cabinet: Cabinet, line: str, service: str) -> dict[str, Any]:
    """What `quoteService` answers."""
    found: dict[str, Any] = (await cabinet.data(QUOTE, line=line, service=service))["quoteService"]
    return found


async def token(cabinet: Cabinet, line: str, service: str) -> str:
    payload = await quoted(cabinet, line, service)
    assert payload["userErrors"] == [], payload
    found: str = payload["quote"]["token"]
    return found


async def connect(
    cabinet: Cabinet, line: str, service: str, *, named: str | None = None, quote: str | None = None
) -> dict[str, Any]:
    """Switch a service on at its price."""
    quote = quote or await token(cabinet, line, service)
    found: dict[str, Any] = (await cabinet.data(CONNECT, key=named or key(), line=line, service=service, token=quote))[
        "connectService"
    ]
    return found


async def connected(cabinet: Cabinet, line: str, service: str) -> dict[str, Any]:
    """The subscription of a service that nothing stands against."""
    payload = await connect(cabinet, line, service)
    assert payload["userErrors"] == [], payload
    found: dict[str, Any] = payload["subscription"]
    return found


async def disconnect(cabinet: Cabinet, subscription: str, named: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = (await cabinet.data(DISCONNECT, key=named or key(), subscription=subscription))[
        "disconnectService"
    ]
    return found


async def services_of(cabinet: Cabinet, line: str) -> list[str]:
    found = (await cabinet.data(CONNECTED, line=line))["node"]["connectedServices"]
    return [edge["node"]["service"]["code"] for edge in found["edges"]]


async def history_of(cabinet: Cabinet, line: str) -> list[dict[str, Any]] | None:
    """Newest first; None where it is not shown."""
    found = (await cabinet.data(CONNECTED, line=line))["node"]["serviceHistory"]
    if found is None:
        return None
    assert found["totalCount"] == len(found["edges"])
    return [edge["node"] for edge in found["edges"]]


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def charges(till: Till) -> list[int]:
    """What services and tariffs were charged for, oldest first; minor units."""
    rows = await till.rows(
        """select -e.amount from ledger_transfer t join ledger_entry e on e.transfer_id = t.id
           join ledger_account a on a.id = e.account_id
           where t.kind = 'FEE' and a.kind = 'PERSONAL' and (t.key like 'fee:%' or t.key like 'service_event:%')
           order by t.id"""
    )
    return [amount for (amount,) in rows]
