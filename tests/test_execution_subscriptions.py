"""Events of our subscriptions answer to the byte what graphql-core's executor answers, over what sockets run."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any

import asyncpg
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from structlog.testing import capture_logs

from domain.profile import Profile
from gateways.ledger_billing import LedgerBilling
from gateways.payments import UnconfiguredProvider
from loaders.account_by_id import ACCOUNTS
from models.reader import Reader, Statement
from resolvers.node_id import encode
from schema.schema import HearthSchema
from server.graphql_context import Contexts
from server.graphql_request import GraphQLRequest
from server.graphql_stream import Asked, Streams
from server.live import Ear, Hub
from server.settings import Settings
from services.payment_row import Desk
from tests.documents import Author, Written
from tests.executors import NOW, Caller, Executors, Moment, Trouble, TroubledReader, comparable, executors
from tests.paid import paid
from tests.test_execution_documents import PROVING, SEED, trouble
from tests.test_graphiql_examples import TEXTS

DOCUMENTS = 3_000 if PROVING else 60
# How often a subscription runs: at first, and when all that it follows has changed.
RUNS = 2
OPERATOR = "beeline"
_QUESTIONS = """
insert into approval_request (household_id, line_id, requested_by_id, scope, action, title, subject, subject_key,
  status, created_at, expires_at)
select m.household_id, l.id, l.user_id, 'PAY', 'X', title, '{}', title, 'PENDING', now(), now() + interval '1 hour'
from membership m join line l on l.user_id = m.user_id, unnest('{one,two}'::text[]) title where m.role = 'CHILD'
"""
_REQUESTS = """
insert into link_request (operator, requester_id, initiator, target, line_id, kind, scopes, text, sim_epoch,
  contract_epoch, status, created_at, expires_at)
select l.operator, g.user_id, 'session:0', l.msisdn, l.id, 'SECONDARY', '{VIEW}', 'May I look?', l.sim_epoch, c.epoch,
  'PENDING', now(), now() + interval '1 hour'
from line l join personal_account a on a.id = l.account_id join contract c on c.id = a.contract_id
join login g on g.operator = l.operator and g.value = $2 where l.operator = $1 and l.msisdn = $3
"""


class Still(datetime):
    """The clock, which stands."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return NOW


class Faltering(TroubledReader):
    """Reads of a database that does not answer for accounts, at those times of asking."""

    def __init__(self, pool: Any, silences: list[int]) -> None:
        super().__init__(pool, None)
        self._silences = silences

    def anew(self) -> "Faltering":
        return Faltering(self._pool, self._silences)

    async def fetch(self, statement: Statement[Any], *arguments: object) -> list[Any]:
        if statement is ACCOUNTS and self._silences:
            self._silences[0] -= 1
            if self._silences[0] == 0:
                del self._silences[0]
                raise TimeoutError
        return await super().fetch(statement, *arguments)


class Followed(Contexts):
    """Contexts whose readers read at one moment; `reads` makes them."""

    reads: Any

    def reader(self) -> Reader:
        reader: Reader = self.reads()
        return reader


class Heard:
    """A listener that keeps what it is told, as it goes over the wire."""

    unheard = False

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self.told: list[bytes] = []

    def admit(self, caller: object) -> None:
        """Everybody may listen."""

    def session_ended(self) -> None:
        raise AssertionError("sessions do not end here")

    async def tell(self, told: dict[str, Any]) -> None:
        del told["extensions"]["hearth"]  # how long it took, which is why there are two executors
        if errors := told.get("errors"):
            told["errors"] = comparable(errors, told.get("data"))
        self.told.append(orjson.dumps(told))


class Following:
    """Subscribes at both executors, at one moment."""

    def __init__(self, both: Executors, settings: Settings, profiles: Mapping[str, Profile]) -> None:
        self._both = both
        pool: Any = None  # what reads is made of the moment
        self._contexts = Followed(settings, profiles, LedgerBilling(), pool, {}, Desk(UnconfiguredProvider()))
        self._whence = self._contexts.whence(
            HTTPConnection({"type": "http", "scheme": "http", "path": "/", "headers": []})
        )

    async def heard(self, schema: HearthSchema, caller: Caller, written: Written, reads: Any) -> list[bytes]:
        """What is told at once, and when something was heard."""
        self._contexts.reads = reads
        hub = Hub("", 1)
        listener = Heard(hub.ear())
        wanted = GraphQLRequest(written.text, written.variables, None)
        asked = Asked(self._whence, caller.profile, None, wanted, viewer=caller.caller)  # type: ignore[arg-type]
        for _ in range(RUNS):
            refused = await Streams(schema, self._contexts, hub).run(asked, listener)
            if refused is not None:
                listener.told.append(orjson.dumps(refused))
            for event in [*hub._ears]:
                listener.ear.hear(event)
        listener.ear.close()
        assert hub.listening == 0
        return listener.told

    async def alike(
        self, moment: Moment, caller: Caller, written: Written, wrong: Trouble | None = None
    ) -> list[bytes]:
        """What both executors tell."""

        def reads() -> Reader:
            return TroubledReader(moment, wrong)

        expected = await self.heard(self._both.stock, caller, written, reads)
        found = await self.heard(self._both.compiled, caller, written, reads)
        assert found == expected, f"{caller.name} {wrong}\n{written.text}\n{written.variables}"
        if wrong is None:
            assert not any(b"Something went wrong" in each for each in expected), written.text
        return found


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.context.datetime", Still)
    monkeypatch.setattr("auth.signed_token.time", SimpleNamespace(time=NOW.timestamp))
    monkeypatch.setattr("resolvers.live._PAUSE_SECONDS", 0)


async def events(connection: "asyncpg.Connection[asyncpg.Record]", people: dict[str, Any]) -> dict[str, str]:
    """Something to tell for every subscription of the schema: their names, and what they are given."""
    owner, stranger = people["owner"], people["strangers"][0]
    payment = await paid(connection, OPERATOR, owner, owner)
    await connection.execute(_QUESTIONS)
    await connection.execute(_REQUESTS, OPERATOR, owner["msisdn"], stranger["msisdn"])
    line = await connection.fetchval("select id from line where msisdn = $1", owner["msisdn"])
    return {
        "balanceChanged": "",
        "remainsChanged": f'(lineIds: ["{encode("Line", line)}", "nonsense"])',
        "paymentUpdated": f'(paymentId: "{encode("Payment", payment)}")',
        "linkRequestUpdated": "",
        "householdChanged": "",
        "approvalRequested": "",
    }


async def test_subscriptions_of_every_shape_tell_the_same(
    app: Starlette,
    shared_database: str,
    settings: Settings,
    profiles: Mapping[str, Profile],
    demo_people: dict[str, Any],
) -> None:
    random, told = Random(SEED), Counter[str]()
    people = demo_people[OPERATOR]
    async with executors(shared_database, settings, profiles) as both:
        following, author = Following(both, settings, profiles), Author(both.stock._schema, random)
        callers = [
            await both.caller(shared_database, "owner", OPERATOR, people["owner"]["msisdn"]),
            await both.caller(shared_database, "owner", OPERATOR, people["owner"]["msisdn"]),
            await both.caller(shared_database, "member", OPERATOR, people["members"][0]["msisdn"]),
            await both.caller(shared_database, "partial", OPERATOR, people["owner"]["msisdn"], "PARTIAL"),
        ]
        async with both.moment() as moment:
            fields = await events(moment.connection, people)
            assert both.stock._schema.subscription_type is not None
            assert set(fields) == set(both.stock._schema.subscription_type.fields)
            with capture_logs():
                for index in range(DOCUMENTS):
                    name = [*fields][index % len(fields)]
                    written = author.subscription(name, fields[name])
                    found = await following.alike(moment, random.choice(callers), written, trouble(random))
                    told[name] += len(found)
        counts = both.compiled.operations.counts
    print(f"{told} {counts}")
    assert set(told) == set(fields), "nothing was told of some"
    assert counts.left == {} or set(counts.left) == {"failed before"}
    assert counts.ran > sum(told.values()) / 2


async def test_an_event_that_the_database_did_not_answer_is_told_when_it_does(
    app: Starlette,
    shared_database: str,
    settings: Settings,
    profiles: Mapping[str, Profile],
    demo_people: dict[str, Any],
) -> None:
    query = Written("subscription { balanceChanged { id personalAccount { id } } }", {})
    async with executors(shared_database, settings, profiles) as both:
        following = Following(both, settings, profiles)
        owner = await both.caller(shared_database, "owner", OPERATOR, demo_people[OPERATOR]["owner"]["msisdn"])
        heard = []
        async with both.moment() as moment:
            whole = await following.alike(moment, owner, query)
            for schema in (both.stock, both.compiled):
                silences = [2, 3]
                with capture_logs():
                    heard.append(await following.heard(schema, owner, query, partial(Faltering, moment, silences)))
                assert silences == [], "it was never silent"
        assert [sorted(each) for each in heard] == [sorted(whole)] * 2
        assert heard[0] == heard[1]
        counts = both.compiled.operations.counts
        assert counts.rerun == {"TimeoutError": 2}
        assert counts.ran == 2 * len(whole) - counts.left.get("failed before", 0)


async def test_examples_of_subscriptions_run_compiled(
    app: Starlette,
    shared_database: str,
    settings: Settings,
    profiles: Mapping[str, Profile],
    demo_people: dict[str, Any],
) -> None:
    people = demo_people[OPERATOR]
    async with executors(shared_database, settings, profiles) as both:
        following = Following(both, settings, profiles)
        owner = await both.caller(shared_database, "owner", OPERATOR, people["owner"]["msisdn"])
        async with both.moment() as moment:
            payment = await paid(moment.connection, OPERATOR, people["owner"], people["owner"])
            given = {"27-payment-updated": {"paymentId": encode("Payment", payment)}}
            told = 0
            for path, text in TEXTS.items():
                if "\nsubscription " in text:
                    told += len(await following.alike(moment, owner, Written(text, given.get(path.stem, {}))))
        counts = both.compiled.operations.counts
    assert (counts.ran, counts.compiled, counts.left, counts.rerun) == (told, 4, {}, {})
