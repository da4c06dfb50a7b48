"""Tariffs of every kind for the families of `tests.till`, and what a front end does with them."""

from typing import Any, cast

from domain.profile import Profile
from resolvers.node_id import encode
from tests.cabinet import Cabinet
from tests.test_features import with_values
from tests.till import Till

# By their ids: a month's tariff with a connection fee, one that is put together, two by the day, one of internet.
SOLD = """
insert into tariff (id, operator, code, name, kind, fee, fee_period, connection_fee, included, options, terms,
  family_shareable, archived)
values
  (9001, 'beeline', 'm300', 'Триста', 'MOBILE', 30000, 'MONTH', 0,
   '[{"unit": "MINUTE", "amount": "300"}, {"unit": "BYTE", "amount": "1000"}]', '[]', '', false, false),
  (9002, 'beeline', 'm500', 'Пятьсот', 'MOBILE', 50000, 'MONTH', 10000,
   '[{"unit": "MINUTE", "amount": "500"}]', '[]', '', false, false),
  (9003, 'beeline', 'own', 'Свой', 'MOBILE', 20000, 'MONTH', 0, '[{"unit": "SMS", "amount": "50"}]',
   '[{"unit": "MINUTE", "values": ["100", "200", "400"], "price_per_step": 5000},
     {"unit": "BYTE", "values": ["1000", "2000"], "price_per_step": 7000}]', '', false, false),
  (9004, 'beeline', 'd10', 'День', 'MOBILE', 1000, 'DAY', 0, '[{"unit": "BYTE", "amount": "3000"}]', '[]', '', false,
   false),
  (9005, 'beeline', 'd20', 'Два дня', 'MOBILE', 2000, 'DAY', 0, '[{"unit": "BYTE", "amount": "4000"}]', '[]', '',
   false, false),
  (9006, 'beeline', 'home', 'Дом', 'INTERNET', 40000, 'MONTH', 0, '[]', '[]', '', false, false),
  (9007, 'beeline', 'far', 'Далёкий', 'MOBILE', 100, 'MONTH', 0, '[]', '[]', '', false, false);
update tariff set localities = '{Казань}' where id = 9007
"""
QUOTE = """
mutation ($line: ID!, $tariff: ID!, $options: [TariffOptionInput!]) {
  quoteTariffChange(input: {lineId: $line, tariffId: $tariff, options: $options}) {
    quote { token warnings dueNow { amount } firstMonthTotal { amount } monthlyTotal { amount }
      lines { label amount { amount } period freeDays } }
    userErrors { __typename code field message }
  }
}
"""
_ANSWER = """{
  line { id tariff { tariff { code } configuration { unit amount } nextChargeAt canRevertTo { code } revertUntil
    pendingChange { tariff { code } since configuration { unit amount } } } remains { unit total left source } }
  userErrors { __typename code field message
    ... on PriceChanged { quote { token dueNow { amount } } }
    ... on TariffUnpaid { price { amount } available { amount } }
    ... on LineNotInService { status }
    ... on FeatureDisabled { feature }
    ... on ApprovalRequired { approval { id title price { amount } } } }
}"""
CHANGE = f"""
mutation ($key: ID!, $line: ID!, $tariff: ID!, $token: String!) {{
  changeTariff(input: {{idempotencyKey: $key, lineId: $line, tariffId: $tariff, quoteToken: $token}}) {_ANSWER}
}}
"""
CONFIGURE = f"""
mutation ($key: ID!, $line: ID!, $options: [TariffOptionInput!]!, $token: String!) {{
  configureTariff(input: {{idempotencyKey: $key, lineId: $line, options: $options, quoteToken: $token}}) {_ANSWER}
}}
"""
CANCEL = f"""
mutation ($key: ID!, $line: ID!) {{ cancelTariffChange(input: {{idempotencyKey: $key, lineId: $line}}) {_ANSWER} }}
"""
REVERT = f"""
mutation ($key: ID!, $line: ID!, $entry: ID) {{
  revertTariff(input: {{idempotencyKey: $key, lineId: $line, historyEntryId: $entry}}) {_ANSWER}
}}
"""


def offer(till: Till, **values: Any) -> None:
    """Let the operator offer something else of `tariffs` from now on."""
    served = cast(dict[str, Profile], till.profiles)
    served["beeline"] = with_values(served["beeline"], "tariffs", **values)


def tariff(key: int) -> str:
    """The global id of a tariff."""
    return encode("Tariff", key)


async def sell(till: Till, index: int, tariff_id: int, paid: int = 30) -> None:
    """Open the shop and give the index-th number a tariff that it has paid for so many days."""
    if not await till.rows("select from tariff where id = 9001"):
        for statement in SOLD.split(";\n"):
            await till.rows(statement)
    await till.rows(
        """
insert into tariff_subscription (line_id, tariff_id, since, next_charge_at)
select id, $2, now() - interval '40 days',
  (date_trunc('day', now() at time zone 'Europe/Moscow') + make_interval(days => $3)) at time zone 'Europe/Moscow'
from line where msisdn = $1 on conflict (line_id) do update set tariff_id = excluded.tariff_id,
  next_charge_at = excluded.next_charge_at
""",
        str(79030001000 + index), tariff_id, paid,
    )  # fmt: skip


async def quoted(cabinet: Cabinet, line: str, tariff_id: int, **options: int) -> dict[str, Any]:
    """The payload of a quote; options by their units."""
    chosen = [{"unit": unit, "value": str(value)} for unit, value in options.items()]
    told = {"line": line, "tariff": tariff(tariff_id), "options": chosen}
    payload: dict[str, Any] = (await cabinet.data(QUOTE, **told))["quoteTariffChange"]
    return payload


async def token(cabinet: Cabinet, line: str, tariff_id: int, **options: int) -> str:
    """The token of a quote."""
    payload = await quoted(cabinet, line, tariff_id, **options)
    assert payload["userErrors"] == [], payload
    found: str = payload["quote"]["token"]
    return found


async def change(cabinet: Cabinet, line: str, tariff_id: int, quote: str, key: str = "change-it-1") -> dict[str, Any]:
    """The payload of a change."""
    told = {"key": key, "line": line, "tariff": tariff(tariff_id), "token": quote}
    payload: dict[str, Any] = (await cabinet.data(CHANGE, **told))["changeTariff"]
    return payload


async def bought(cabinet: Cabinet, line: str, tariff_id: int, key: str, **options: int) -> dict[str, Any]:
    """A change at the price of now, without a refusal."""
    quote = await token(cabinet, line, tariff_id, **options)
    payload = await change(cabinet, line, tariff_id, quote, key)
    assert payload["userErrors"] == [], payload
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


def kinds(payload: dict[str, Any]) -> list[str]:
    return [error["__typename"] for error in payload["userErrors"]]
