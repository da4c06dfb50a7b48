"""SPEC 5.4, its sign-in part: five operators by one code base, as a person with a telephone and a browser does it.

A real server process runs the five scripts; then everything that it wrote is searched for what must be nowhere.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx2
import pytest

from auth import network
from tests.cabinet import SIGN_IN, Cabinet
from tests.conftest import NETWORK_KEY, ROOT, running_server
from tests.databases import created
from tests.test_account_security import CHANGE, NETWORK, PUK, SESSIONS
from tests.test_codes import ASK, PASSWORD, message
from tests.test_registration import CONFIRM, REGISTER
from tests.test_sign_in import FIVE, SIGN_OUT, WHO, WITH_CODE

LANGUAGE = "mutation ($l: Language!) { setLanguage(input: {language: $l}) { userErrors { code } } }"
FEATURES = "{ operator { features { key enabled reason } loginIdentifiers limits { registrationLinkTtlSeconds } } }"
PAID = "{ viewer { accessLevel linkedNumbers { edges { node { msisdn myScopes } } } } }"
WRONG = "Nevernyy2026"
TEMPORARY_PASSWORD = re.compile(r"(?:пароль|password|пароль|серсүз) (\w{10})")


@dataclass
class Person:
    """Somebody with a telephone and a browser: keeps in mind what no log may hold."""

    browser: Cabinet
    database: "asyncpg.Connection[asyncpg.Record]"
    demo: dict[str, Any]
    secrets: set[str] = field(default_factory=set)

    @property
    def operator(self) -> str:
        assert self.browser.operator is not None
        return self.browser.operator

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """One operation; what goes in and comes out of it is remembered where it is secret."""
        for name, value in variables.items():
            if name in ("password", "current", "new", "code", "token", "puk1", "msisdn", "identifier", "email"):
                self.secrets.add(str(value))
        data = await self.browser.data(query, **variables)
        [answer] = data.values() if len(data) == 1 else [data]
        if isinstance(answer, dict):
            self.secrets.update(answer[name] for name in ("accessToken", "refreshToken") if answer.get(name))
        return dict(answer)

    async def sign_in(self, identifier: str, password: str) -> dict[str, Any]:
        return await self.ask(SIGN_IN, identifier=identifier, password=password)

    async def telephone(self, msisdn: str, to: str) -> str:
        """Dial a code, or send an SMS; gives the temporary password that comes back."""
        form = {"operator": self.operator, "from": msisdn, "to": to}
        page = await self.browser.http.post("/dev/phone", data=form)
        assert page.status_code == 200
        for _ in range(100):
            for sent in (await self.browser.http.get("/dev/inbox", headers={"accept": "application/json"})).json():
                if sent["to"] == msisdn and (found := TEMPORARY_PASSWORD.search(sent["text"])):
                    self.secrets.update((found.group(1), msisdn))
                    return found.group(1)
            await asyncio.sleep(0.02)
        raise AssertionError("no password came")

    def signed_in(self, entered: dict[str, Any]) -> "Person":
        """The same person in the cabinet that has just opened."""
        assert entered["userErrors"] == [], entered
        inside = self.browser.of(self.operator, entered["accessToken"])
        return Person(inside, self.database, self.demo, self.secrets)

    async def enabled(self) -> dict[str, str | None]:
        """The features of the operator: None for what works, a reason for what does not."""
        features = (await self.ask(FEATURES))["features"]
        return {each["key"]: None if each["enabled"] else each["reason"] for each in features}


def errors(answer: dict[str, Any]) -> list[str]:
    return [error["code"] for error in answer["userErrors"]]


async def life(person: Person) -> None:
    """`*120#` or PUK1 gives a temporary password or a first entry; it has to be changed; ru, be and en."""
    owner = person.demo["life"]["owner"]
    temporary = await person.telephone(owner["msisdn"], "*120#")
    entered = await person.sign_in(owner["msisdn"], temporary)
    assert (entered["mustChangePassword"], entered["viewer"]) == (True, None)
    inside = person.signed_in(entered)
    refused = await inside.browser.ask(WHO)
    assert refused["errors"][0]["extensions"]["code"] == "PASSWORD_CHANGE_REQUIRED"
    assert errors(await inside.ask(CHANGE, current=temporary, new=PASSWORD)) == []
    inside = person.signed_in(await person.sign_in(owner["msisdn"], PASSWORD))
    for language, codes in (("BE", []), ("EN", []), ("TT", ["INVALID_INPUT"]), ("RU", [])):
        assert errors(await inside.ask(LANGUAGE, l=language)) == codes

    first = await person.ask(PUK, msisdn="375251234907", puk1="18273645")
    assert first["mustChangePassword"] is True
    assert errors(await person.ask(PUK, msisdn="375251234907", puk1="18273645")) == ["LOGIN_METHOD_DISABLED"]
    assert errors(await person.ask(ASK, identifier=owner["msisdn"])) == ["FEATURE_DISABLED"]
    assert (await person.enabled())["auth.sms_code"]


async def tele2(person: Person) -> None:
    """A number, then a code by SMS; "other ways" is the password."""
    owner = person.demo["tele2"]["owner"]
    asked = (await person.ask(ASK, identifier=owner["msisdn"]))["challenge"]
    sent = await message(person.browser, owner["msisdn"])
    assert f"{asked['tag']}-{sent['code']}" in sent["text"]
    inside = person.signed_in(await person.ask(WITH_CODE, challenge=asked["id"], code=sent["code"]))
    assert (await inside.ask(WHO))["user"]["displayName"] == owner["name"]
    assert errors(await inside.ask(SIGN_OUT)) == []
    assert (await inside.browser.data(WHO))["viewer"] is None
    person.signed_in(await person.sign_in(owner["msisdn"], owner["password"]))
    assert errors(await person.ask(PUK, msisdn=owner["msisdn"], puk1="12345678")) == ["FEATURE_DISABLED"]


async def letai(person: Person) -> None:
    """Registration by a link that works for 168 hours; in by number or e-mail, and never by personal account."""
    owner, email = person.demo["letai"]["owner"], "novaya@example.org"
    assert errors(await person.ask(REGISTER, email=email, password=PASSWORD.lower(), terms=True)) == [
        "PASSWORD_TOO_WEAK"
    ]
    assert errors(await person.ask(REGISTER, email=email, password=PASSWORD, terms=True)) == []
    token = parse_qs(urlsplit((await message(person.browser, email))["link"]).query)["token"][0]
    hours = "select round(extract(epoch from expires_at - now()) / 3600) from registration where email = $1"
    assert await person.database.fetchval(hours, email) == 168
    assert (await person.ask(FEATURES))["limits"]["registrationLinkTtlSeconds"] == 168 * 3600
    person.signed_in(await person.ask(CONFIRM, token=token, password=PASSWORD))
    person.signed_in(await person.sign_in(email, PASSWORD))
    person.signed_in(await person.sign_in(owner["msisdn"], owner["password"]))
    account = await person.database.fetchval("select number from personal_account where operator = 'letai' limit 1")
    assert errors(await person.sign_in(account, owner["password"])) == ["BAD_CREDENTIALS"]
    assert "ACCOUNT_NUMBER" not in (await person.ask(FEATURES))["loginIdentifiers"]


async def motiv(person: Person) -> None:
    """No registration; in by personal account, network login or number; 1070; idle for 15 minutes means out."""
    owner = person.demo["motiv"]["owner"]
    registered = await person.ask(REGISTER, email="novaya@example.org", password=PASSWORD, terms=True)
    assert errors(registered) == ["FEATURE_DISABLED"]
    assert (await person.enabled())["auth.self_registration"]
    account = await person.database.fetchval(
        "select a.number from login l join line n on n.user_id = l.user_id"
        " join personal_account a on a.id = n.account_id where l.value = $1 limit 1",
        owner["msisdn"],
    )
    for identifier in (account, "uralova", owner["msisdn"], "8" + owner["msisdn"][1:]):
        person.signed_in(await person.sign_in(identifier, owner["password"]))
    inside = person.signed_in(await person.sign_in(owner["msisdn"], await person.telephone(owner["msisdn"], "1070")))
    session = "update session set last_seen_at = now() - make_interval(secs => $1)"
    await person.database.execute(session, 14 * 60 + 59)
    assert (await inside.browser.data(WHO))["viewer"]
    await person.database.execute(session, 15 * 60)
    assert (await inside.browser.data(WHO))["viewer"] is None


async def beeline(person: Person) -> None:
    """Full and partial; ten wrong passwords close it for an hour, then a new temporary one; nothing special in it."""
    owner = person.demo["beeline"]["owner"]
    vouched = network.vouch(NETWORK_KEY.encode(), "beeline", owner["msisdn"], "one")
    partial = person.signed_in(await person.ask(NETWORK, token=vouched))
    assert (await partial.ask(PAID))["accessLevel"] == "PARTIAL"
    own = next(
        edge["node"]
        for edge in (await partial.ask(PAID))["linkedNumbers"]["edges"]
        if edge["node"]["msisdn"] == owner["msisdn"]
    )
    assert set(own["myScopes"]) == {"VIEW", "PAY"}
    assert errors(await partial.ask(CHANGE, current=owner["password"], new=PASSWORD)) == ["FORBIDDEN"]

    left = [(await person.sign_in(owner["msisdn"], WRONG)) for _ in range(10)]
    assert [errors(answer) for answer in left] == [["BAD_CREDENTIALS"]] * 9 + [["LOCKED_OUT"]]
    await person.database.execute("update counter set ends_at = now() where key similar to '(lock|fail):%'")
    assert errors(await person.sign_in(owner["msisdn"], owner["password"])) == ["BAD_CREDENTIALS"], "it is burnt"
    temporary = await person.telephone(owner["msisdn"], "*110*9#")
    inside = person.signed_in(await person.sign_in(owner["msisdn"], temporary))
    assert errors(await inside.ask(CHANGE, current=temporary, new="Domovoy!2026")) == ["PASSWORD_FORBIDDEN_CHARACTERS"]
    assert errors(await inside.ask(CHANGE, current=temporary, new=PASSWORD)) == []
    inside = person.signed_in(await person.sign_in(owner["msisdn"], PASSWORD))
    assert len((await inside.ask(SESSIONS))["sessions"]) >= 1
    assert (await inside.ask(WHO))["accessLevel"] == "FULL"


SCRIPTS: dict[str, Callable[[Person], Awaitable[None]]] = {
    "beeline": beeline,
    "letai": letai,
    "life": life,
    "motiv": motiv,
    "tele2": tele2,
}


@pytest.fixture(scope="module")
async def own_database(engine: str, demo_template: str) -> AsyncIterator[str]:
    """A database that the scripts change."""
    async with created(engine, "scripts", demo_template) as url:
        yield url


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its log and its inbox."""
    return tmp_path_factory.mktemp("scripts")


class Started(NamedTuple):
    """A server, and how long its log was when it was ready: until then it shows who can sign in to the demo."""

    address: str
    greeting: int


@pytest.fixture(scope="module")
def server(own_database: str, data: Path) -> Iterator[Started]:
    """The server that the scripts talk to."""
    with running_server(own_database, data, HEARTH_NETWORK_KEY=NETWORK_KEY) as address:
        yield Started(address, len((data / "server.log").read_text()))


@pytest.fixture(scope="module")
def secrets() -> set[str]:
    """What the scripts typed, were sent and were given."""
    return set()


@pytest.fixture
async def behind(own_database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A look behind the scenes, and a clock."""
    connection = await asyncpg.connect(own_database)
    yield connection
    await connection.close()


@pytest.mark.parametrize("operator", FIVE)
async def test_sign_in_part_of_spec_5_4(
    server: Started,
    behind: "asyncpg.Connection[asyncpg.Record]",
    demo_people: dict[str, Any],
    secrets: set[str],
    operator: str,
) -> None:
    async with httpx2.AsyncClient(base_url=server.address, timeout=20) as client:
        await SCRIPTS[operator](Person(Cabinet(client, operator), behind, demo_people, secrets))


MALFORMED = [
    'mutation {{ signInWithPassword(input: {{identifier: "x", password: "{secret}", x: 1}}) {{ accessToken }} }}',
    'mutation {{ signInWithCode(input: {{challengeId: "{secret}", code: {secret}}}) {{ accessToken }} }}',
    'mutation {{ signInWithCode(input: "{secret}") {{ accessToken }} }}',
    'mutation {{ signInWithCode(input: {{code: true, "{secret}"}}) {{ accessToken }} }}',
    "mutation {{ signOut(input: {{everywhere: {secret}}}) {{ userErrors {{ code }} }} }}",
    "mutation M($i: SignInWithPasswordInput!) {{ signInWithPassword(input: $i) {{ accessToken }} }}",
]


async def test_nothing_secret_is_left_behind(
    server: Started, behind: "asyncpg.Connection[asyncpg.Record]", data: Path, secrets: set[str]
) -> None:
    """No code, password, token or full number in the log, in errors, in the audit or in what has left the outbox."""
    for line in (data / "inbox.ndjson").read_text().splitlines():
        secrets.update(re.findall(r'"code":\s*"(\d{6})"', line))
    secrets.discard("")
    assert len(secrets) > 30
    assert {PASSWORD, WRONG, "375251234907", "18273645"} <= secrets
    told = []
    async with httpx2.AsyncClient(base_url=server.address) as client:
        for document in MALFORMED:
            variables = {"i": {"identifier": ["79031234567"], "password": PASSWORD, "code": "271828"}}
            body = {"query": document.format(secret="271828"), "variables": variables}
            told.append((await client.post("/graphql", json=body, headers={"x-operator": "tele2"})).text)
        # A database that goes away in the middle of everything is where careless servers print what they had in hand.
        await behind.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
            " and datname = current_database()"
        )
        for _ in range(3):
            await Cabinet(client, "tele2").post(SIGN_IN, {"identifier": "9031234567", "password": PASSWORD})
    for _ in range(100):
        if not await behind.fetchval("select count(*) from outbox where done_at is null"):
            break
        await asyncio.sleep(0.05)
    written = {
        "log": (data / "server.log").read_text()[server.greeting :],
        "outbox": str(await behind.fetch("select body, last_error from outbox where done_at is not null")),
        "audit": str(await behind.fetch("select details from audit_event")),
    }
    assert "Traceback" not in written["log"]
    for place, text in written.items():
        found = {
            secret for secret in secrets if re.search(rf"(?<![0-9A-Za-z]){re.escape(secret)}(?![0-9A-Za-z])", text)
        }
        assert not found, f"{place} has {len(found)} secrets, such as {sorted(found)[0]}"
    assert not any("271828" in answer or PASSWORD in answer for answer in told), told


def test_reports_of_failure_on_the_command_line_quote_no_secret(data: Path) -> None:
    """A wrong database URL has a password in it, and what is printed about it has not."""
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "server.cli", "migrate"],
        env={
            "PYTHONPATH": str(ROOT),
            "HEARTH_ENV": "production",
            "HEARTH_SECRET": "0123456789abcdefghijklmnopqrstuvwxyzABCDEF",
            "HEARTH_DATABASE_URL": "postgresql://hearth:Sekretny2026@127.0.0.1:1/none",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode != 0
    assert "Sekretny2026" not in ran.stdout + ran.stderr
