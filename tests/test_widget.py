"""N13, F060: a widget's token looks at one line and does nothing else."""

import asyncio
from typing import Any

import asyncpg
import httpx2
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    build_schema,
    get_named_type,
)

from auth.widget import MOST_A_DAY
from schema.schema import sdl
from tests.cabinet import Cabinet
from tests.newcomers import Newcomers
from tests.session import until_it_waits
from tests.sockets import opened
from tests.test_account_security import REVOKE, SESSIONS
from tests.test_recovery_channels import codes

LINES = "{ viewer { linkedNumbers { edges { node { id msisdn isOwn myScopes balance { available { amount } } } } } } }"
CREATE = """
mutation Create($line: ID!) {
  createWidgetToken(input: {lineId: $line}) {
    token session { id channel current expiresAt } userErrors { __typename code field }
  }
}
"""
WIDGET = """
{
  viewer {
    id accessLevel
    widget { line { id msisdn myScopes } balance { amount currency } remains { name left } asOf }
  }
}
"""
FIVE = ["beeline", "letai", "life", "motiv", "tele2"]
OUT = "mutation { signOut(input: {everywhere: true}) { userErrors { code } } }"


async def lines_of(cabinet: Cabinet) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await cabinet.data(LINES))["viewer"]["linkedNumbers"]["edges"]]


async def create(cabinet: Cabinet, line: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await cabinet.data(CREATE, line=line))["createWidgetToken"]
    return payload


async def widget_of(cabinet: Cabinet, line: str) -> Cabinet:
    """What a widget on that line sees."""
    payload = await create(cabinet, line)
    assert payload["userErrors"] == []
    return cabinet.of(cabinet.operator, payload["token"])


@pytest.mark.parametrize("operator", FIVE)
async def test_n13_widget_looks_at_its_line(cabinet: Cabinet, demo_people: dict[str, Any], operator: str) -> None:
    owner = await cabinet.signed_in(operator, demo_people[operator]["owner"])
    line = next(line for line in await lines_of(owner) if "VIEW" in line["myScopes"])
    shown = (await owner.data(WIDGET))["viewer"]
    assert (shown["widget"]["line"]["id"], shown["accessLevel"]) == (line["id"], "FULL"), "the first number (F060)"

    widget = await widget_of(owner, line["id"])
    answer = await widget.ask(WIDGET)
    seen = answer["data"]["viewer"]
    assert seen["widget"]["line"] == {"id": line["id"], "msisdn": line["msisdn"], "myScopes": ["VIEW"]}
    assert seen["widget"]["balance"]["amount"] == line["balance"]["available"]["amount"]
    assert seen["widget"]["remains"] == shown["widget"]["remains"]
    assert (seen["id"], seen["accessLevel"]) == (shown["id"], "PARTIAL")
    assert answer["extensions"]["hearth"]["statements"] <= 4, "who asks, the line, its balance, its packages"


async def test_n13_everything_else_is_shut(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    mine, *others = await lines_of(owner)
    assert others
    widget = await widget_of(owner, mine["id"])
    assert await lines_of(widget) == []
    nothing = "{ viewer { personalAccounts { totalCount } household { id } households { id } socialAccounts { id } } }"
    assert (await widget.data(nothing))["viewer"] == {
        "personalAccounts": {"totalCount": 0},
        "household": None,
        "households": [],
        "socialAccounts": [],
    }
    for field in ("user { login }", "sessions { id }", "auditLog { totalCount }"):
        answer = await widget.ask(f"{{ viewer {{ {field} }} }}")
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"], field
        assert answer["data"]["viewer"] is None
    around = "{ viewer { widget { line { personalAccount { id } contract { id } usage { items { used } } } } } }"
    shown = (await widget.data(around))["viewer"]["widget"]["line"]
    assert shown == {"personalAccount": None, "contract": None, "usage": None}
    viewer_id = (await owner.data("{ viewer { id user { id } household { id } } }"))["viewer"]
    for wanted in (mine["id"], others[0]["id"], viewer_id["id"], viewer_id["user"]["id"], viewer_id["household"]["id"]):
        assert (await widget.data("query ($id: ID!) { node(id: $id) { id } }", id=wanted))["node"] is None
    assert (await cabinet.of("tele2", widget.token).data(WIDGET))["viewer"] is None, "a token is one operator's"


def made_up(kind: GraphQLInputType) -> Any:
    """A value of an input type, enough for the operation to be valid."""
    if isinstance(kind, GraphQLNonNull):
        return made_up(kind.of_type)
    if isinstance(kind, GraphQLList):
        return []
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        if kind.is_one_of:
            name, field = next(iter(kind.fields.items()))
            return {name: made_up(field.type)}
        return {
            name: made_up(field.type) for name, field in kind.fields.items() if isinstance(field.type, GraphQLNonNull)
        }
    return {"Boolean": True, "Int": 1, "Float": 1.0, "Date": "2026-01-01", "DateTime": "2026-01-01T00:00:00Z"}.get(
        kind.name, "79031234501"
    )


async def everything(database: "asyncpg.Connection[asyncpg.Record]") -> dict[str, tuple[int, str | None]]:
    """How many rows each table has, and what is in them: without what sessions and the worker note by the way."""
    tables = await database.fetch(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    )
    noted = {
        "session": "(id, revoked_at)",
        "outbox": "(id)",
        "balance_snapshot": "(account_id)",
        "sim_check": "(line_id)",
    }
    found = {}
    for name in sorted(row["relname"] for row in tables):
        content = f"md5(string_agg({noted.get(name, 't')}::text, '' order by t))"
        [row] = await database.fetch(f'select count(*), {content} from "{name}" t')
        found[name] = (row[0], row[1])
    return found


async def test_n13_no_mutation_there_is_or_will_be_changes_anything(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Walks the schema, so that what is added to it is closed to widgets without anybody thinking of them."""
    mutation = build_schema(sdl()).mutation_type
    assert mutation is not None
    assert len(mutation.fields) > 25
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    widget = await widget_of(owner, (await lines_of(owner))[0]["id"])
    before = await everything(database)
    for name, field in mutation.fields.items():
        if name == "signOut":
            continue  # the one thing that it may: see below
        given = field.args["input"].type
        query = (
            f"mutation ($input: {get_named_type(given).name}!) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}"
        )
        answer = await widget.ask(query, input=made_up(given))
        if answer.get("data"):
            # Refused before it was looked at who asks.
            assert set(codes(answer["data"][name])) <= {"FEATURE_DISABLED", "INVALID_INPUT", "CHANNEL_UNAVAILABLE"}, (
                name
            )
            assert codes(answer["data"][name]), name
        else:
            assert [error.get("extensions", {}).get("code") for error in answer["errors"]] == ["FORBIDDEN"], (
                name,
                answer,
            )
        assert await everything(database) == before, name


@pytest.mark.parametrize("operator", FIVE)
async def test_n13_widget_lives_long_and_its_user_ends_it(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]", operator: str
) -> None:
    owner = await cabinet.signed_in(operator, demo_people[operator]["owner"])
    line = (await lines_of(owner))[0]["id"]
    first, second, third = [await widget_of(owner, line) for _ in range(3)]
    await database.execute("update session set last_seen_at = now() - interval '80 days' where channel = 'WIDGET'")
    assert (await first.data(WIDGET))["viewer"] is not None, "no idle limit"
    listed = [one for one in (await owner.data(SESSIONS))["viewer"]["sessions"] if one["channel"] == "WIDGET"]
    assert [one["current"] for one in listed] == [False] * 3
    oldest = min(listed, key=lambda one: str(one["id"]))
    assert (await owner.data(REVOKE, id=oldest["id"]))["revokeSession"]["userErrors"] == []
    alive = [(await each.data(WIDGET))["viewer"] is not None for each in (first, second, third)]
    assert sorted(alive) == [False, True, True]

    survivor = [each for each, lives in zip((first, second, third), alive, strict=True) if lives]
    assert (await survivor[0].data(OUT))["signOut"]["userErrors"] == []
    assert (await survivor[0].data(WIDGET))["viewer"] is None
    assert (await survivor[1].data(WIDGET))["viewer"] is not None, "it signs out itself, and nobody else"
    assert (await owner.data(OUT))["signOut"]["userErrors"] == []
    assert (await survivor[1].data(WIDGET))["viewer"] is None


async def test_n13_widget_ends_after_its_time(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner = await cabinet.signed_in("life", demo_people["life"]["owner"])
    widget = await widget_of(owner, (await lines_of(owner))[0]["id"])
    days = "select extract(day from expires_at - created_at)::int from session where line_id is not null"
    assert await database.fetchval(days) == 90
    await database.execute("update session set expires_at = now() where line_id is not null")
    assert (await widget.data(WIDGET))["viewer"] is None


async def test_n13_widget_ends_with_its_users_right_to_look(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner, relative = [await newcomers.arrive("tele2", demo_people) for _ in range(2)]
    household = await newcomers.household("tele2", OWNER=owner)
    link = await newcomers.link(household, relative.line_id)
    signed_in = await cabinet.signed_in("tele2", owner)
    line = next(line["id"] for line in await lines_of(signed_in) if line["msisdn"] == relative.msisdn)
    widget = await widget_of(signed_in, line)
    assert (await widget.data(WIDGET))["viewer"]["widget"]["line"]["msisdn"] == relative.msisdn
    await database.execute("update number_link set scopes = '{PAY}' where id = $1", link)
    [error] = (await widget.ask(WIDGET))["errors"]
    assert error["extensions"]["code"] == "SESSION_EXPIRED"
    await database.execute("update number_link set scopes = '{VIEW}' where id = $1", link)
    assert (await widget.data(WIDGET))["viewer"] is None, "what has ended stays so"
    events = await database.fetch("select action from audit_event where action like 'WIDGET%' order by id")
    assert [row["action"] for row in events] == ["WIDGET_TOKEN_CREATED", "WIDGET_TOKEN_ENDED"]


async def test_n13_token_is_for_a_line_one_may_look_at(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    owner, relative = [await newcomers.arrive("tele2", demo_people) for _ in range(2)]
    mine, theirs = [await cabinet.signed_in("tele2", person) for person in (owner, relative)]
    [foreign] = [line["id"] for line in await lines_of(theirs)]
    account = (await mine.data("{ viewer { personalAccounts { edges { node { id } } } } }"))["viewer"]
    for wanted in (foreign, account["personalAccounts"]["edges"][0]["node"]["id"], "nonsense", ""):
        payload = await create(mine, wanted)
        assert (codes(payload), payload["token"]) == (["NOT_FOUND"], None)
    [own] = [line["id"] for line in await lines_of(mine)]
    made = [codes(await create(mine, own)) for _ in range(MOST_A_DAY + 1)]
    assert made == [[]] * MOST_A_DAY + [["RATE_LIMITED"]]


async def test_n13_session_that_ends_at_this_moment_leaves_no_widget_behind(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Whoever has lost the session must not go on looking for a year."""
    person = await newcomers.arrive("tele2", demo_people)
    here = await cabinet.signed_in("tele2", person)
    [line] = [line["id"] for line in await lines_of(here)]
    async with database.transaction():
        await database.execute("select from app_user where id = $1 for update", person.user_id)
        making = asyncio.create_task(create(here, line))
        await until_it_waits(database, making)
        await database.execute("update session set revoked_at = now() where user_id = $1", person.user_id)
    payload = await making
    assert (codes(payload), payload["token"]) == (["FORBIDDEN"], None)
    assert await database.fetchval("select count(*) from session where revoked_at is null") == 0


async def test_f060_viewer_without_a_number_has_an_empty_widget(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await newcomers.arrive("tele2", demo_people)
    await database.execute("update line set kind = 'INTERNET' where id = $1", person.line_id)
    seen = (await (await cabinet.signed_in("tele2", person)).data(WIDGET))["viewer"]["widget"]
    assert seen.pop("asOf")
    assert seen == {"line": None, "balance": None, "remains": []}


async def test_n13_widget_asks_over_http_only(
    hearth_server: str, process_database: str, demo_people: dict[str, Any]
) -> None:
    """A socket would keep open what is asked for once in a while."""
    async with httpx2.AsyncClient(base_url=hearth_server) as http:
        owner = await Cabinet(http).signed_in("life", demo_people["life"]["owner"])
        widget = await widget_of(owner, (await lines_of(owner))[0]["id"])
    async with opened(hearth_server) as socket:
        await socket.send(
            {"type": "connection_init", "payload": {"operator": "life", "authorization": f"Bearer {widget.token}"}}
        )
        assert await socket.closed() == (4403, [])
