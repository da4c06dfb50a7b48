"""Codes that link a number: how long, how often, for whom and in which words they count (E7–E19)."""

import re
from typing import Any

from tests import family
from tests.linking import (
    ANN,
    BOB,
    EVE,
    FRED,
    GRANNY,
    HELP,
    IVAN,
    LOOK,
    OPERATOR,
    RESEND,
    Village,
)

STATES = "select status from number_link where line_id = $1 order by id"


def code_of(payload: dict[str, Any]) -> str:
    [error] = payload["userErrors"]
    return str(error["code"])


async def test_i9_call_detail_has_a_sentence_of_its_own(village: Village) -> None:
    ann = await village.of(ANN)
    await village.asked(ann, GRANNY, *LOOK, "DETAILS")
    assert "Детализация: да" in (await village.sent_to(GRANNY))[0]


async def test_e7_a_late_code_has_expired_and_another_one_ends_it(village: Village) -> None:
    ann = await village.of(ANN)
    request = await village.asked(ann, GRANNY)
    await village.later(301)
    assert code_of(await village.confirm(ann, request)) == "CODE_EXPIRED"
    [shown] = await village.requests(ann, "OUTGOING")
    assert shown["status"] == "EXPIRED"
    again = (await ann.data(RESEND, id=request["challenge"]["id"]))["resendCode"]
    assert again["userErrors"] == []
    link = await village.confirm(ann, {"challenge": again["challenge"]})
    assert link["userErrors"] == []


async def test_e8_only_the_newest_code_counts(village: Village) -> None:
    ann = await village.of(ANN)
    first = await village.asked(ann, GRANNY)
    await village.later(61)
    second = (await ann.data(RESEND, id=first["challenge"]["id"]))["resendCode"]["challenge"]
    tags = [re.search(r"([A-Z]{2})-\d{6}", text) for text in await village.sent_to(GRANNY)]
    assert [found and found[1] for found in tags] == [first["challenge"]["tag"], second["tag"]]
    assert (await village.confirm(ann, first))["link"] is None
    assert (await village.confirm(ann, {"challenge": second}))["userErrors"] == []


async def test_e9_another_way_is_offered_and_says_who_asks(village: Village) -> None:
    ann = await village.of(ANN)
    request = await village.asked(ann, GRANNY)
    assert request["challenge"]["alternativeChannels"] == ["VOICE_CALL"]
    await village.later(61)
    await village.asked(ann, GRANNY, channel="VOICE_CALL")
    said = await village.value("select body->>'text' from outbox where kind = 'voice_call'")
    assert "Ann (…00)" in said
    for channel in ("EMAIL", "PUSH"):
        assert (await village.refused(ann, GRANNY, channel=channel))["code"] == "CHANNEL_UNAVAILABLE"


async def test_e10_a_code_works_once(village: Village) -> None:
    ann = await village.of(ANN)
    request = await village.asked(ann, GRANNY)
    assert (await village.confirm(ann, request))["userErrors"] == []
    assert code_of(await village.confirm(ann, request)) == "CODE_ALREADY_USED"
    assert await village.value("select count(*) from consent") == 1


async def test_e11_a_guessed_code_is_burnt(village: Village) -> None:
    ann = await village.of(ANN)
    request = await village.asked(ann, GRANNY)
    right = await village.code(request["challenge"]["id"])
    wrong = "000000" if right != "000000" else "111111"
    answers = [code_of(await village.confirm(ann, request, wrong)) for _ in range(5)]
    assert answers == ["CODE_INVALID"] * 5
    assert code_of(await village.confirm(ann, request, right)) == "CODE_ATTEMPTS_EXCEEDED"
    [shown] = await village.requests(ann, "OUTGOING")
    assert shown["status"] == "EXPIRED"
    assert await village.value("select count(*) from number_link") == 0


async def test_e12_many_requests_in_one_operation_are_refused_as_a_whole(village: Village) -> None:
    ann = await village.of(ANN)
    fields = " ".join(
        f'a{index}: requestNumberLink(input: {{msisdn: "{family.number(OPERATOR, index)}", scopes: [PAY]}})'
        " { userErrors { code } }"
        for index in range(3)
    )
    answer = await ann.ask(f"mutation {{ {fields} }}")
    assert "errors" in answer
    assert await village.value("select count(*) from link_request") == 0


async def test_e13_a_new_sim_since_the_question_makes_the_code_void(village: Village) -> None:
    ann = await village.of(ANN)
    request = await village.asked(ann, GRANNY)
    await village.run("update line set sim_epoch = 2 where id = $1", await village.line(GRANNY))
    assert code_of(await village.confirm(ann, request)) == "SIM_CHANGED"
    granny = await village.of(GRANNY)
    assert await village.requests(granny, "INCOMING") == [], "it was a question to whoever had the old SIM"


async def test_e15_autopay_and_details_wait_a_day_after_a_code_that_was_read_aloud(village: Village) -> None:
    ann = await village.of(ANN)
    await village.linked(ann, GRANNY, *HELP, "DETAILS")
    given = await village.scopes(ann, GRANNY)
    assert given is not None
    assert {"SERVICES", "BLOCK"} <= set(given)
    assert not {"AUTOPAY", "DETAILS"} & set(given)
    reminder = (
        "select extract(epoch from run_at - created_at)::int, body->>'text' from outbox where dedup like 'link:%'"
    )
    [(delay, text)] = await village.rows(reminder)
    assert delay == 86_400
    assert "вчера" in text
    assert "STOP" in text
    await village.run("update number_link set settles_at = now()")
    settled = await village.scopes(ann, GRANNY)
    assert settled is not None
    assert {"AUTOPAY", "DETAILS"} <= set(settled)


async def test_e15_who_only_looks_and_pays_is_not_announced_again(village: Village) -> None:
    await village.linked(await village.of(ANN), GRANNY, *LOOK)
    assert await village.value("select count(*) from outbox where dedup like 'link:%'") == 0


async def test_e16_many_strangers_reach_a_number_no_more_often_than_one(village: Village) -> None:
    for index in (ANN, EVE, FRED, IVAN):
        await village.asked(await village.of(index), GRANNY)
    assert len(await village.sent_to(GRANNY)) == 1, "in the pause of one code no other is sent"
    for _ in range(9):
        await village.later(61)
        await village.asked(await village.of(EVE), GRANNY)
    await village.later(61)
    assert (await village.refused(await village.of(FRED), GRANNY))["code"] == "RATE_LIMITED"
    assert await village.value("select count(*) from link_request where challenge_id is null") == 0


async def test_e17_a_code_counts_in_the_session_that_asked(village: Village) -> None:
    ann = await village.of(ANN)
    request = await village.asked(ann, GRANNY)
    for other in (await village.of(ANN), await village.of(BOB), await village.of(EVE)):
        assert code_of(await village.confirm(other, request)) == "CODE_INVALID"
    [shown] = await village.requests(await village.of(ANN), "OUTGOING")
    assert shown["challenge"] is None
    assert (await village.confirm(ann, request))["userErrors"] == []


async def test_e19_what_the_holder_read_is_what_is_linked(village: Village) -> None:
    ann = await village.of(ANN)
    request = await village.asked(ann, GRANNY)
    await village.run("update link_request set scopes = '{VIEW,PAY,TARIFF}'")
    assert code_of(await village.confirm(ann, request)) == "CONFLICT"
    assert await village.value("select count(*) from number_link") == 0
    await village.later(61)
    renamed = await village.asked(ann, GRANNY)
    await village.run("update app_user set display_name = 'Bank of Granny' where display_name = 'Ann'")
    assert code_of(await village.confirm(ann, renamed)) == "CONFLICT"


async def test_e11_thirty_guesses_a_day_whoever_asks(village: Village) -> None:
    """Codes are asked for anew, and by others: the number's guesses of the day are over, and its user is warned."""
    most = village.profiles["beeline"].auth.otp.max_guesses_per_number_per_day
    cabinets = [await village.of(index) for index in (ANN, EVE)]
    for turn in range(most // 5):
        asked = await village.asked(cabinets[turn % 2], GRANNY)
        right = await village.code(asked["challenge"]["id"])
        wrong = "000000" if right != "000000" else "111111"
        answers = [code_of(await village.confirm(cabinets[turn % 2], asked, wrong)) for _ in range(5)]
        assert answers == ["CODE_INVALID"] * 5
        await village.later(301)
        await village.run("delete from counter where key like 'sms:%'")
    asked = await village.asked(cabinets[0], GRANNY)
    assert code_of(await village.confirm(cabinets[0], asked)) == "CODE_ATTEMPTS_EXCEEDED"
    assert await village.value("select count(*) from number_link") == 0
    warned = [text for text in await village.sent_to(GRANNY) if "подбирает коды" in text]
    assert len(warned) == 1, await village.sent_to(GRANNY)
