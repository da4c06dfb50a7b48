"""F032: messages in the language of whoever reads them, and the catalogues that they come from."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import product
from string import Formatter
from typing import Any

import asyncpg
import orjson
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from tortoise.backends.asyncpg.client import TransactionWrapper

from auth import temporary_password
from auth.code_message import code_message
from domain.access import Scope
from domain.challenge import ChallengeChannel
from domain.consent import consent_text
from domain.language import Language
from domain.number_link import ConsentMethod
from domain.profile import Profile
from domain.wording import LOCALES, Counted, Wording, language_of
from gateways.smpp_text import parts
from models.challenge import ChallengePurpose
from tests.cabinet import SIGN_IN, Cabinet
from tests.conftest import ROOT, SECRET
from tests.test_account_security import RESET_CODE, TEMPORARY
from tests.test_sign_in import request_code, try_code

SET_LANGUAGE = "mutation ($l: Language!) { setLanguage(input: {language: $l}) { userErrors { code } } }"
STEP_UP = "mutation { requestStepUp(input: {}) { challenge { id } userErrors { code } } }"

MINUTES = Counted("{minutes} minute", "{minutes} minutes", by="minutes")
HOURS = Counted("{hours} hour", "{hours} hours", by="hours")

# What a language writes and another one of the four does not: a text in the wrong catalogue has some of it.
FOREIGN_LETTERS = {
    Language.RU: "іўәөүҗңһ",
    Language.BE: "ищъәөүҗңһ",
    Language.TT: "іў",
    Language.EN: "абвгдежзийклмнопрстуфхцчшщъыьэюя",
}

# A code that answers a question is in the words of the question.
_TO_ONESELF = [purpose for purpose in ChallengePurpose if purpose is not ChallengePurpose.LINK_NUMBER]


@pytest.fixture
async def restored_languages(database: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[None]:
    """Puts back the languages that these tests choose for the demo people."""
    before = await database.fetch("select id, language from app_user")
    yield
    await database.executemany("update app_user set language = $2 where id = $1", [tuple(row) for row in before])


@pytest.fixture
async def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any]]]:
    """The statements of all transactions from now on, with their values; not those of the loops in the background."""
    found: list[tuple[str, list[Any]]] = []
    background = asyncio.all_tasks()

    def recording(execute: Callable[..., Any]) -> Callable[..., Any]:
        async def record(self: TransactionWrapper, query: str, values: list[Any] | None = None) -> Any:
            if asyncio.current_task() not in background:
                found.append((query, values or []))
            return await execute(self, query, values)

        return record

    for name in ("execute_query", "execute_query_dict"):
        monkeypatch.setattr(TransactionWrapper, name, recording(getattr(TransactionWrapper, name)))
    return found


def enqueued(asked: list[tuple[str, list[Any]]]) -> tuple[str, str]:
    """The kind and the text of the one message that was written."""
    [(_, kind, body, *_)] = [values for query, values in asked if "insert into outbox" in query]
    return kind, orjson.loads(body)["text"]


def catalogue(language: Language) -> Catalog:
    with (LOCALES / language / "LC_MESSAGES" / "hearth.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def forms(texts: str | Sequence[str] | None) -> tuple[str, ...]:
    """All forms of a message's text; the text alone where there is but one."""
    return (texts,) if isinstance(texts, str) else tuple(texts or ())


def names(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


async def delivered(cabinet: Cabinet, to: str, found: Callable[[str], bool] = lambda text: True) -> str:
    """The newest message to somebody of which `found` is true, once the worker has delivered it."""
    for _ in range(100):
        for message in (await cabinet.http.get("/dev/inbox", headers={"accept": "application/json"})).json():
            if message["to"] == to and found(message["text"]):
                return str(message["text"])
        await asyncio.sleep(0.02)
    raise AssertionError("no such message was delivered")


@pytest.mark.parametrize("language", Language)
def test_f032_catalogues_are_complete_and_name_the_same_values(language: Language) -> None:
    found = catalogue(language)
    assert not found.obsolete
    assert {message.id for message in found} == {message.id for message in catalogue(Language.EN)}
    for message in found:
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        english, translated = forms(message.id), forms(message.string)
        assert len(translated) == (found.num_plurals if len(english) > 1 else 1), message.id
        for text in translated:
            assert text, f"{message.id!r} is not translated"
            assert names(text) == names(english[0]) == names(english[-1]), message.id
            assert text.count("\n\n") == english[0].count("\n\n"), f"{message.id!r} has other paragraphs"
            assert text == text.strip()
            assert not set(text.lower()) & set(FOREIGN_LETTERS[language]), text
        if language is Language.EN:
            assert translated == english


def test_f032_catalogues_are_in_the_image() -> None:
    assert "!locales" in (ROOT / ".dockerignore").read_text().splitlines()


@pytest.mark.parametrize(
    ("language", "counted", "expected"),
    [
        (Language.RU, MINUTES, ["1 минуту", "2 минуты", "5 минут", "11 минут", "21 минуту"]),
        (Language.RU, HOURS, ["1 час", "2 часа", "5 часов", "11 часов", "21 час"]),
        (Language.BE, MINUTES, ["1 хвіліну", "2 хвіліны", "5 хвілін", "11 хвілін", "21 хвіліну"]),
        (Language.BE, HOURS, ["1 гадзіну", "2 гадзіны", "5 гадзін", "11 гадзін", "21 гадзіну"]),
        (Language.TT, MINUTES, ["1 минут", "2 минут", "5 минут", "11 минут", "21 минут"]),
        (Language.TT, HOURS, ["1 сәгать", "2 сәгать", "5 сәгать", "11 сәгать", "21 сәгать"]),
        (Language.EN, MINUTES, ["1 minute", "2 minutes", "5 minutes", "11 minutes", "21 minutes"]),
        (Language.EN, HOURS, ["1 hour", "2 hours", "5 hours", "11 hours", "21 hours"]),
    ],
)
def test_f032_words_follow_the_number(language: Language, counted: Counted, expected: list[str]) -> None:
    assert [counted.text(language, **{counted.by: number}) for number in (1, 2, 5, 11, 21)] == expected


def test_f032_what_nobody_translated_is_english_and_fails_tests() -> None:
    with pytest.warns(RuntimeWarning, match="locales/tt"):
        assert Wording("{name} came home").text(Language.TT, name="Anna") == "Anna came home"
    with pytest.warns(RuntimeWarning, match="locales/be"):
        assert Counted("{n} cat", "{n} cats", by="n").text(Language.BE, n=2) == "2 cats"
    with pytest.raises(KeyError):
        MINUTES.text(Language.RU)


def test_f032_values_are_not_read_as_texts() -> None:
    """A name in braces stays what it is."""
    told = Wording("{operator}: your code").text(Language.EN, operator="{code} {0.__class__}")
    assert told == "{code} {0.__class__}: your code"


@pytest.mark.parametrize(
    ("operator", "chosen", "spoken"),
    [("life", "be", "be"), ("life", "en", "en"), ("life", "tt", "ru"), ("letai", "tt", "tt"), ("tele2", "en", "ru")],
)
def test_f032_language_is_one_that_the_operator_speaks(
    profiles: Mapping[str, Profile], operator: str, chosen: str, spoken: str
) -> None:
    assert language_of(profiles[operator], chosen) == spoken
    assert language_of(profiles[operator], None) == "ru"


def test_f032_codes_fit_into_two_short_messages(profiles: Mapping[str, Profile]) -> None:
    for profile, language, purpose in product(profiles.values(), Language, _TO_ONESELF):
        code = "0" * profile.auth.otp.length
        said = code_message(profile, language, ChallengeChannel.SMS, purpose, code, "WW")
        assert set(said) == {"text"}, "a short message has no subject"
        assert f"WW-{code}" in said["text"]
        assert len(parts(said["text"], 1)) <= 2, said["text"]
        spoken = code_message(profile, language, ChallengeChannel.VOICE_CALL, purpose, code, "WW")["text"]
        assert spoken.count(", ".join(code)) == 2
        assert "WW" not in spoken


def test_f032_letter_with_a_code_is_a_letter(profiles: Mapping[str, Profile]) -> None:
    for profile, language, purpose in product(profiles.values(), Language, _TO_ONESELF):
        said = code_message(profile, language, ChallengeChannel.EMAIL, purpose, "123456", "AB")
        assert "123456" not in said["subject"], "a locked screen shows subjects"
        assert "\n" not in said["subject"]
        assert profile.operator.name in said["subject"]
        assert len(said["text"].split("\n\n")) == 4
        assert "AB-123456\n" in said["text"]


def test_consent_is_read_in_every_language(profiles: Mapping[str, Profile]) -> None:
    scopes = [Scope.VIEW, Scope.PAY, Scope.DETAILS]
    texts = [consent_text(profiles["life"], language, ConsentMethod.SMS_CODE, scopes) for language in Language]
    assert texts == [
        "life:): {requester} просит управлять вашим номером: Смотреть и платить. Детализация: да. "
        "Код ••••••, 5 мин. Не сообщайте код посторонним. Отказ: STOP",
        "life:): {requester} просіць кіраваць вашым нумарам: Глядзець і плаціць. Дэталізацыя: так. "
        "Код ••••••, 5 хв. Не паведамляйце код старонім. Адмова: STOP",
        "life:): {requester} сезнең номер белән идарә итүне сорый: Карау һәм түләү. Детальләштерү: әйе. "
        "Код ••••••, 5 мин. Кодны чит кешеләргә әйтмәгез. Баш тарту: STOP",
        "life:): {requester} asks to manage your number: Look and pay. Call detail: yes. "
        "Code ••••••, 5 min. Tell the code to no stranger. To refuse: STOP",
    ]


@pytest.mark.parametrize(
    ("operator", "language", "code", "notice"),
    [
        (
            "life",
            "BE",
            r"life:\): код [A-Z]{2}-\d{6} для пацвярджэння, 5 хв\.",
            "з новай прылады. Калі гэта не вы, змяніце",
        ),
        (
            "life",
            "EN",
            r"life:\): code [A-Z]{2}-\d{6} to confirm, 5 min\.",
            "A new device signed in to your account. If this",
        ),
        (
            "life",
            "RU",
            r"life:\): код [A-Z]{2}-\d{6} для подтверждения, 5 мин\.",
            "с нового устройства. Если это не вы, смените",
        ),
        (
            "letai",
            "TT",
            r"Летай \(Таттелеком\): раслау өчен код [A-Z]{2}-\d{6}, 5 мин\.",
            "яңа җайланмадан керделәр. Бу сез",
        ),
    ],
)
@pytest.mark.usefixtures("restored_languages")
async def test_f032_chosen_language_is_that_of_the_next_message(
    cabinet: Cabinet, demo_people: dict[str, Any], operator: str, language: str, code: str, notice: str
) -> None:
    owner, visitor = demo_people[operator]["owner"], cabinet.of(operator)
    signed_in = await cabinet.signed_in(operator, owner)
    assert (await signed_in.data(SET_LANGUAGE, l=language))["setLanguage"]["userErrors"] == []
    assert (await signed_in.data(STEP_UP))["requestStepUp"]["userErrors"] == []
    assert re.match(code, await delivered(cabinet, owner["msisdn"], lambda text: re.search(r"\d{6}", text) is not None))
    credentials = {"identifier": owner["msisdn"], "password": owner["password"]}
    # A front end in another language is not asked: the cabinet knows what its user speaks.
    await visitor.post(SIGN_IN, credentials, **{"user-agent": "Another", "accept-language": "ru"})
    told = await delivered(cabinet, owner["msisdn"], lambda text: notice in text)
    assert len(parts(told, 1)) <= 2


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("BE", r"life:\): часовы пароль \w+, 60 хв\. Нікому яго не паведамляйце\."),
        ("EN", r"life:\): temporary password \w+, 60 min\. Tell it to nobody\."),
    ],
)
@pytest.mark.usefixtures("restored_languages")
async def test_f032_temporary_password_is_told_in_the_chosen_language(
    cabinet: Cabinet, demo_people: dict[str, Any], profiles: Mapping[str, Profile], language: str, text: str
) -> None:
    owner = demo_people["life"]["owner"]
    signed_in = await cabinet.signed_in("life", owner)
    await signed_in.data(SET_LANGUAGE, l=language)
    await temporary_password.by_ussd(profiles["life"], SECRET.encode(), owner["msisdn"], "*120#")
    told = await delivered(cabinet, owner["msisdn"])
    assert re.fullmatch(text, told)
    assert len(parts(told, 1)) <= 2


@pytest.mark.usefixtures("restored_languages")
async def test_f032_i11_strangers_cost_the_same_and_are_written_to_in_the_first_language(
    cabinet: Cabinet, demo_people: dict[str, Any], asked: list[tuple[str, list[Any]]]
) -> None:
    known = demo_people["letai"]["owner"]["msisdn"]
    await (await cabinet.signed_in("letai", demo_people["letai"]["owner"])).data(SET_LANGUAGE, l="TT")
    statements, left = [], []
    for msisdn in (known, known[:-4] + "0000"):
        asked.clear()
        payload = await cabinet.of("letai").data(RESET_CODE, identifier=msisdn, channel="SMS")
        assert payload["requestPasswordReset"]["userErrors"] == []
        statements.append([query for query, _ in asked])
        left.append(enqueued(asked))
    assert statements[0] == statements[1]
    (kind, told), (unknown_kind, void) = left
    assert (kind, unknown_kind) == ("sms", "void")
    assert "яңа серсүз өчен код" in told
    assert "для нового пароля" in void


async def test_i11_temporary_password_for_nobody_costs_as_much(
    cabinet: Cabinet, demo_people: dict[str, Any], asked: list[tuple[str, list[Any]]]
) -> None:
    known = demo_people["life"]["owner"]["msisdn"]
    costs = []
    for msisdn in (known, known[:-4] + "0000"):
        asked.clear()
        payload = await cabinet.of("life").data(TEMPORARY, identifier=msisdn)
        assert payload["requestTemporaryPassword"]["userErrors"] == []
        costs.append(len(asked))
    assert costs[0] == costs[1]


async def test_i11_e11_last_guess_of_a_day_at_nobodys_codes_costs_as_much(
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    asked: list[tuple[str, list[Any]]],
    profiles: Mapping[str, Profile],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    known = demo_people["tele2"]["owner"]["msisdn"]
    visitor, most = cabinet.of("tele2"), profiles["tele2"].auth.otp.max_guesses_per_number_per_day
    costs = []
    for msisdn in (known, known[:-4] + "0000"):
        challenge = (await request_code(visitor, msisdn))["challenge"]
        await database.execute(
            "insert into counter (key, count, started_at, ends_at) values ($1, $2, now(), now() + interval '1 day')",
            f"guess:sms:tele2:{msisdn}",
            most - 1,
        )
        asked.clear()
        await try_code(visitor, challenge["id"], "000000")
        costs.append(len(asked))
    assert costs[0] == costs[1]


async def test_f032_stranger_who_asks_for_a_password_is_written_to_in_the_first_language(
    cabinet: Cabinet, demo_people: dict[str, Any], asked: list[tuple[str, list[Any]]]
) -> None:
    unknown = demo_people["life"]["owner"]["msisdn"][:-4] + "0000"
    await cabinet.of("life").data(TEMPORARY, identifier=unknown)
    kind, text = enqueued(asked)
    assert kind == "void"
    assert "временный пароль" in text
