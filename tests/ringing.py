"""Tones and status messages at a till's operator, for tests of what callers hear."""

from typing import Any

from resolvers.node_id import encode
from tests import family
from tests.cabinet import Cabinet
from tests.test_features import with_values
from tests.till import Till

SOLD = """
insert into service (operator, code, name, kind, category, description, fee, fee_period, connection_fee, terms,
  archived, artist, preview_url)
values ('beeline', 'tone-1', 'Катюша', 'MOBILE', 'RINGBACK', '', 300, 'DAY', 0, '', false, 'Хор', 'https://a.test/1'),
  ('beeline', 'tone-2', 'Вальс', 'MOBILE', 'RINGBACK', '', 2500, 'MONTH', 0, '', false, 'Шостакович', null),
  ('beeline', 'tone-3', 'Раз и навсегда', 'MOBILE', 'RINGBACK', '', 5000, 'ONCE', 1000, '', false, 'Мы', null),
  ('beeline', 'tone-old', 'Старая', 'MOBILE', 'RINGBACK', '', 300, 'DAY', 0, '', true, 'Они', null),
  ('beeline', 'no-tone', 'Замена гудка', 'MOBILE', 'RINGBACK', '', 300, 'DAY', 0, '', false, null, null),
  ('beeline', 'status', 'Статус', 'MOBILE', 'CALL_MANAGEMENT', '', 100, 'DAY', 0, '', false, null, null)
"""
SET = """
mutation ($key: ID!, $line: ID!, $tone: ID!, $numbers: [MSISDN!], $hours: QuietHoursInput) {
  setRingbackTone(
    input: {idempotencyKey: $key, lineId: $line, toneId: $tone, forNumbers: $numbers, hours: $hours}
  ) {
    line { id }
    userErrors {
      __typename code field
      ... on RingbackUnpaid { price { amount } }
      ... on ApprovalRequired { approval { id title price { amount } } }
      ... on LimitExceeded { answer }
    }
  }
}
"""
REMOVE = """
mutation ($rule: ID!) { removeRingbackRule(input: {ruleId: $rule}) { line { id } userErrors { code field } } }
"""
GIVE = """
mutation ($key: ID!, $line: ID!, $to: MSISDN!, $tone: ID!) {
  giftRingbackTone(input: {idempotencyKey: $key, fromLineId: $line, toMsisdn: $to, toneId: $tone}) {
    userErrors { __typename code field ... on ApprovalRequired { approval { id title price { amount } } } }
  }
}
"""
STATUS = """
mutation ($line: ID!, $message: String) {
  setStatusMessage(input: {lineId: $line, message: $message}) {
    line { ringback { statusMessage } }
    userErrors { __typename code field ... on ApprovalRequired { approval { id title } } }
  }
}
"""
RINGBACK = """
query ($line: ID!, $caller: MSISDN, $at: DateTime) {
  node(id: $line) { ... on Line { ringback {
    tone { id title artist fee { amount } feePeriod previewUrl }
    statusMessage nextChargeAt price { amount }
    rules { id plays forNumbers tone { title } hours { from to weekdays } }
    heardBy(msisdn: $caller, at: $at) { statusMessage tone { title } }
  } } }
}
"""
SUBSCRIPTIONS = """
select s.code, ss.ended_at is null, ss.next_charge_at is not null, ss.valid_until is not null
from service_subscription ss join service s on s.id = ss.service_id join line l on l.id = ss.line_id
where l.msisdn = $1 and s.code <> 'status' order by s.code
"""


class Bell:
    """A till whose operator sells tones, presents and status messages."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.keys = 0

    async def tone(self, code: str = "tone-1") -> str:
        sql = "select id from service where operator = 'beeline' and code = $1"
        return encode("RingbackTone", await self.till.value(sql, code))

    async def set(self, who: Cabinet, index: int, code: str = "tone-1", **more: Any) -> dict[str, Any]:
        """What setting a tone on the index-th number is answered; each time with another key, if none is given."""
        self.keys += 1
        told = {"key": f"set-a-tone-{self.keys}", "line": await self.till.line(index), **more}
        tone = told.pop("tone", None) or await self.tone(code)
        payload: dict[str, Any] = (await who.data(SET, tone=tone, **told))["setRingbackTone"]
        return payload

    async def give(self, who: Cabinet, index: int, to: int | str, code: str = "tone-1", **more: Any) -> dict[str, Any]:
        self.keys += 1
        number = to if isinstance(to, str) else family.number("beeline", to)
        told = {"key": f"give-a-tone-{self.keys}", "line": await self.till.line(index), "to": number, **more}
        payload: dict[str, Any] = (await who.data(GIVE, tone=await self.tone(code), **told))["giftRingbackTone"]
        return payload

    async def status(self, who: Cabinet, index: int, message: str | None) -> dict[str, Any]:
        payload: dict[str, Any] = (await who.data(STATUS, line=await self.till.line(index), message=message))[
            "setStatusMessage"
        ]
        return payload

    async def remove(self, who: Cabinet, rule: str) -> list[str]:
        return codes((await who.data(REMOVE, rule=rule))["removeRingbackRule"])

    async def seen(self, who: Cabinet, index: int, **more: Any) -> Any:
        """`Line.ringback` of the index-th number."""
        found = (await who.data(RINGBACK, line=await self.till.line(index), **more))["node"]
        return None if found is None else found["ringback"]

    async def subscriptions(self, index: int) -> list[tuple[Any, ...]]:
        """The tones of a number: code, whether it has it, whether it is charged again, whether it ends by itself."""
        return await self.till.rows(SUBSCRIPTIONS, family.number("beeline", index))


async def bell(till: Till) -> Bell:
    """The till, selling tones."""
    await till.rows(SOLD)
    assert isinstance(till.profiles, dict)
    offered = {"ringback": True, "ringback_gift": True, "status_message": True}
    till.profiles["beeline"] = with_values(till.profiles["beeline"], "services", **offered)
    return Bell(till)


def codes(payload: dict[str, Any]) -> list[str]:
    """The codes of what it was refused with."""
    return [error["code"] for error in payload["userErrors"]]
