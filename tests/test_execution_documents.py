"""Documents made up from our schema answer to the byte what graphql-core's executor answers.

`make test` tries a hundred, `make prove` (HEARTH_PROVE=1) 20,000.
"""

import os
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

from starlette.applications import Starlette
from structlog.testing import capture_logs

from domain.profile import Profile
from resolvers.node_id import encode
from schema.documents import Refused
from server.settings import Settings
from tests.documents import Author, Written
from tests.executors import Caller, Executors, Trouble, executors
from tests.test_graphiql_examples import QUERIES, TEXTS, variables

PROVING = os.environ.get("HEARTH_PROVE") == "1"
SEED = int(os.environ.get("HEARTH_SEED", "1"))
DOCUMENTS = 20_000 if PROVING else 100


async def everybody(both: Executors, url: str, people: dict[str, Any]) -> list[Caller]:
    """Owners and others of their households, strangers, a session that the network opened, and nobody."""
    callers = []
    for operator in ("beeline", "letai", "tele2"):
        owner, members = people[operator]["owner"], people[operator]["members"]
        callers += [
            await both.caller(url, f"{operator} owner", operator, owner["msisdn"]),
            await both.caller(url, f"{operator} member", operator, members[0]["msisdn"]),
            await both.caller(url, f"{operator} partial", operator, owner["msisdn"], "PARTIAL"),
        ]
    callers.append(await both.caller(url, "stranger", "beeline", people["beeline"]["strangers"][0]["msisdn"]))
    callers.append(await both.caller(url, "nobody", "beeline", None))
    return callers


def trouble(random: Random) -> Trouble | None:
    kind = random.choice((None, None, "error", "nothing", "null"))
    return None if kind is None else Trouble(kind, random.randrange(7))


async def test_documents_of_every_shape_answer_the_same(
    app: Starlette,
    shared_database: str,
    settings: Settings,
    profiles: Mapping[str, Profile],
    demo_people: dict[str, Any],
) -> None:
    random, tried, unlike = Random(SEED), Counter[str](), []
    async with executors(shared_database, settings, profiles) as both:
        callers = await everybody(both, shared_database, demo_people)
        author = Author(both.stock._schema, random)
        with capture_logs():
            while tried["executed"] < DOCUMENTS:
                written, caller, wrong = author.document(), random.choice(callers), trouble(random)
                try:
                    both.stock.documents.prepare(written.text)
                except Refused:
                    tried["not valid"] += 1
                    continue
                tried["executed"] += 1
                if difference := await both.differ(caller, written, wrong):
                    unlike.append(difference)
                    if len(unlike) > 3:
                        break
        counts = both.compiled.operations.counts
    assert unlike == [], "\n\n".join(unlike)
    assert tried["not valid"] < tried["executed"] / 10
    left = {reason: times for reason, times in counts.left.items() if reason != "wrong variables"}
    compiled = counts.ran + sum(counts.rerun.values())
    print(f"{tried} compiled {compiled}, left to graphql-core {left}, run again {dict(counts.rerun)}")
    assert compiled >= 0.95 * (compiled + sum(left.values())), counts
    assert counts.ran > compiled / 3, "most documents ought to be answered, not refused"


async def test_examples_and_the_dashboard_run_compiled(
    app: Starlette,
    shared_database: str,
    settings: Settings,
    profiles: Mapping[str, Profile],
    demo_people: dict[str, Any],
) -> None:
    async with executors(shared_database, settings, profiles) as both:
        # Tele2's cabinet offers all that the examples ask for.
        owner = await both.caller(shared_database, "owner", "tele2", demo_people["tele2"]["owner"]["msisdn"])
        async with both.moment() as moment:
            line = await moment.connection.fetchval("select id from line where msisdn = $1", owner.caller.login)  # type: ignore[union-attr]
            sold = "select id from tariff where operator = 'tele2' and kind = 'MOBILE' and not archived limit 2"
            tariffs = [encode("Tariff", row["id"]) for row in await moment.connection.fetch(sold)]
        for example in QUERIES:
            written = Written(TEXTS[example], variables(example, encode("Line", line), tariffs))
            assert await both.differ(owner, written) is None, example
        counts = both.compiled.operations.counts
    assert counts.left == {}
    assert counts.rerun == {}
    assert counts.ran == len(QUERIES)
