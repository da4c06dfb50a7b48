"""Which tariffs would cost a line less (F105)."""

from typing import Any

import pytest

from tests.cabinet import Cabinet
from tests.tariffs import offer, sell, tariff
from tests.till import ANN, CID, EVE, VERA, Till

ASK = """
query ($line: ID!, $answers: TariffSurveyInput) { node(id: $line) { ... on Line {
  recommendedTariffs(answers: $answers) {
    tariff { code } estimatedMonthly { amount } currentMonthly { amount } saving { amount } reason }
} } }
"""
COMPARE = """
query ($ids: [ID!]!, $line: ID) { compareTariffs(ids: $ids, availableForLine: $line) { tariffs { code } } }
"""
USED = """
insert into usage_day (line_id, day, type, unit, volume, sum)
select l.id, (now() at time zone 'Europe/Moscow')::date - n, 'CALL', 'MINUTE', $2::numeric, 0
from line l cross join generate_series(1, $3::int) n where l.msisdn = $1
"""
PACKAGE = """
insert into service (operator, code, name, kind, category, description, fee, fee_period, connection_fee, terms,
  archived, included)
values ('beeline', 'min100', '100 минут', 'MOBILE', 'MINUTE_PACKAGE', '', 6000, 'ONCE', 0, '', false,
  '[{"unit": "MINUTE", "amount": "100"}]')
"""


async def asked(cabinet: Cabinet, line: str, **answers: Any) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] | None = (await cabinet.data(ASK, line=line, answers=answers or None))["node"][
        "recommendedTariffs"
    ]
    return found


def prices(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["tariff"]["code"], each["estimatedMonthly"]["amount"]) for each in found]


async def only_ours(till: Till) -> None:
    await till.rows("update tariff set archived = true where id < 9000")
    await till.rows("update service set archived = true")


async def test_f105_by_the_use_of_the_last_three_months(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9002)
    await only_ours(till)
    # Nothing is known of the line's use.
    assert await asked(ann, line) == []
    # 300 minutes in each of three months, and much more before them, which is over.
    await till.rows(USED, "79030001000", 10, 90)
    await till.rows("update usage_day set volume = 10000 where day < (now() at time zone 'Europe/Moscow')::date - 90")
    found = await asked(ann, line)
    assert found is not None
    assert prices(found) == [("m300", "300.00"), ("own", "300.00")]
    assert {each["saving"]["amount"] for each in found} == {"200.00"}
    assert "200.00 RUB" in found[0]["reason"]
    # What is lacking is bought where it is sold: three times 100 minutes for 60.00 beside ten a day.
    await till.rows(PACKAGE)
    found = await asked(ann, line)
    assert found is not None
    assert prices(found) == [("m300", "300.00"), ("own", "300.00"), ("d10", "480.00")]


async def test_f105_f103_only_what_is_sold_where_the_line_is(till: Till) -> None:
    ann, line, offered = await till.of(ANN), await till.line(ANN), [tariff(each) for each in (9001, 9002, 9003)]
    offer(till, compare=True)
    await sell(till, ANN, 9002)
    await only_ours(till)
    await till.rows(PACKAGE)
    await till.rows(USED, "79030001000", 10, 90)
    await till.rows("update tariff set localities = '{Казань, Уфа}' where id = 9001")
    await till.rows("update service set localities = '{Уфа}' where code = 'min100'")

    async def found(locality: str | None) -> list[tuple[str, str]]:
        await till.rows("update line set locality = $1", locality)
        return prices(await asked(ann, line) or [])

    assert await found(None) == await found("Пермь") == [("own", "300.00")]
    [error] = (await ann.ask(COMPARE, ids=offered, line=line))["errors"]
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert await found("казань") == [("m300", "300.00"), ("own", "300.00")]
    assert await found("Уфа") == [("m300", "300.00"), ("own", "300.00"), ("d10", "480.00")]
    # The line's own tariff is compared with those, and no stranger's line is asked about.
    compared = (await ann.data(COMPARE, ids=offered, line=line))["compareTariffs"]
    assert [each["code"] for each in compared["tariffs"]] == ["m300", "m500", "own"]
    for nobodys in (await till.line(EVE), "\0", "x" * 5000):
        [error] = (await ann.ask(COMPARE, ids=offered, line=nobodys))["errors"]
        assert error["message"] == "There is no such line of yours"


async def test_f105_by_a_survey_with_and_without_history(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await only_ours(till)
    await till.rows(USED, "79030001000", 10, 90)
    # The present tariff has no messages at all, and none are sold.
    found = await asked(ann, line, smsPerMonth=20, useHistory=False)
    assert found is not None
    [own] = found
    assert (own["tariff"]["code"], own["estimatedMonthly"]["amount"]) == ("own", "200.00")
    found = await asked(ann, line, smsPerMonth=20)
    assert found is not None
    assert found[0]["estimatedMonthly"]["amount"] == "300.00"
    # So much is in no tariff.
    assert await asked(ann, line, gigabytesPerMonth="1000", useHistory=False) == []


@pytest.mark.parametrize(
    "answers",
    [{"minutesPerMonth": -1}, {"smsPerMonth": 10**7}, {"gigabytesPerMonth": "a lot"}, {"gigabytesPerMonth": "-1"},
     {"roamingDaysPerYear": 400}],
)  # fmt: skip
async def test_f105_answers_that_cannot_be_are_an_error(till: Till, answers: dict[str, Any]) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    [error] = (await ann.ask(ASK, line=line, answers=answers))["errors"]
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert next(iter(answers)) in error["message"]


async def test_f105_only_for_who_sees_the_use_and_where_it_is_offered(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(CID)
    await sell(till, CID, 9001)
    assert await asked(ann, line) == []
    assert await asked(await till.of(VERA), await till.line(CID)) is None
    assert (await (await till.of(EVE)).data(ASK, line=line))["node"] is None
    # A line without a tariff has none to compare with.
    assert await asked(ann, await till.line(ANN)) is None
    offer(till, recommend=False)
    assert await asked(ann, line) is None


async def test_f105_statements_do_not_grow_with_lines(till: Till) -> None:
    ann = await till.of(ANN)
    await sell(till, ANN, 9001)
    many = "{ viewer { linkedNumbers(first: 20) { edges { node { recommendedTariffs { saving { amount } } } } } } }"
    counted: list[int] = []
    for index in (ANN, CID):
        await sell(till, index, 9001)
        await till.rows(USED, str(79030001000 + index), 5, 60)
        answer = await ann.ask(many)
        assert "errors" not in answer
        counted.append(answer["extensions"]["hearth"]["statements"])
    assert counted[0] == counted[1]
