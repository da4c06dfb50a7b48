"""The compiled executor, on a schema of its own: it answers what graphql-core answers, and says what it did."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated, Any, NewType

import orjson
import pytest
import strawberry
from aiodataloader import DataLoader
from graphql import parse
from strawberry.extensions import SchemaExtension
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from execution.batched import Load, batched
from execution.once import Once
from execution.operations import CompiledOperations, Operations
from execution.values import encoded

Even = NewType("Even", int)
Day = NewType("Day", date)
Info = strawberry.Info[Any, None]


@strawberry.enum
class Colour(Enum):
    RED = "r"
    BLUE = "b"


def even(value: Any) -> int:
    if value % 2:
        raise ValueError("odd")
    return int(value)


@encoded(date)
def day(value: date) -> str:
    return value.isoformat()


@dataclass
class Row:
    """What a loader gives for a key; the children of n are 2n and 2n + 1."""

    key: int

    def allows(self, scope: object) -> bool:
        return self.key != 3


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Cat(Named):
    lives: int


@strawberry.type
class Dog(Named):
    tricks: list[list[str | None]]
    toy: Cat | None = None


@strawberry.type
class Stone:
    weight: float


@strawberry.input
class Search:
    name: str = "x"
    colours: list[Colour] = strawberry.field(default_factory=list)


class Locked(BasePermission):
    message = "locked"

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        return not info.context.locked


@strawberry.type
class Tree:
    key: int
    children: list[Annotated["Tree", strawberry.lazy("tests.test_execution_operations")]] = batched(
        list[Annotated["Tree", strawberry.lazy("tests.test_execution_operations")]],
        loader="children",
        key="key",
        description="Batched",
    )
    left: Annotated["Tree", strawberry.lazy("tests.test_execution_operations")] | None = batched(
        Annotated["Tree", strawberry.lazy("tests.test_execution_operations")] | None,
        loader="row",
        key="key",
        scope="see",
        description="Batched, for some",
    )

    @strawberry.field
    async def loaded(self: Any, info: Info) -> int:
        return int((await info.context.loaders.row.load(self.key)).key)

    @strawberry.field(graphql_type=int | None)
    def twice(self: Any, info: Info, times: int = 2) -> Load[int] | None:
        if self.key == 5:
            return None
        return Load(info.context.loaders.row, self.key, lambda row: row.key * times)

    @strawberry.field
    def path(self: Any, info: Info) -> str:
        return "/".join(str(step) for step in info.path.as_list())


@strawberry.type
class Query:
    @strawberry.field
    def plain(self, times: int = 1, colour: Colour = Colour.RED, search: Search | None = None) -> str:
        return f"{times} {colour} {search}"

    @strawberry.field
    async def later(self, info: Info, words: list[str]) -> list[str]:
        await asyncio.sleep(0)
        return words

    @strawberry.field
    def promised(self) -> str:
        async def answer() -> str:
            return "kept"

        return answer()  # type: ignore[return-value]

    @strawberry.field
    def colours(self) -> list[Colour | None]:
        return [Colour.RED, None, Colour.BLUE]

    @strawberry.field
    def even(self, of: int) -> Even | None:
        return Even(of)

    @strawberry.field
    def days(self) -> list[Day | None]:
        return [Day(date(2026, 11, 22)), None]

    @strawberry.field
    def pets(self) -> list[Named]:
        return [Cat(name="Tom", lives=9), Dog(name="Rex", tricks=[["sit", None], []], toy=Cat(name="T", lives=0))]

    @strawberry.field
    async def things(self) -> list[Cat | Stone | None]:
        return [Stone(weight=1.5), None, Cat(name="Tom", lives=9)]

    @strawberry.field(graphql_type=Tree)
    def tree(self) -> Row:
        return Row(1)

    @strawberry.field(permission_classes=[Locked])
    def secret(self, info: Info) -> str | None:
        return "told"

    @strawberry.field
    def needed(self, info: Info) -> str:
        return info.context.needed  # type: ignore[no-any-return]

    @strawberry.field
    async def broken(self) -> str | None:
        raise ValueError("broken")

    @strawberry.field(extensions=[Once()])
    async def counted(self, info: Info) -> int:
        info.context.count += 1
        return int(info.context.count)

    @strawberry.field
    async def slow(self, info: Info) -> str:
        try:
            info.context.started += 1
            if info.context.started == 2:
                info.context.begun.set()
            await asyncio.sleep(60)
        finally:
            info.context.ended += 1
        return ""


@strawberry.type
class Mutation:
    @strawberry.mutation
    def change(self) -> int:
        return 1


class Loaders:
    """Loaders of one request, which remember what they were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[int]]] = []
        self.children = self._loader("children", lambda key: [Row(2 * key), Row(2 * key + 1)] if key < 8 else [])
        self.row = self._loader("row", Row)

    def _loader(self, name: str, value: Callable[[int], Any]) -> DataLoader[int, Any]:
        async def batch(keys: Sequence[int]) -> list[Any]:
            self.asked.append((name, list(keys)))
            return [value(key) for key in keys]

        return DataLoader(batch)


@dataclass
class Context:
    locked: bool = False
    needed: str | None = "here"
    count: int = 0
    started: int = 0
    ended: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    outcomes: dict[str, Any] = field(default_factory=dict)
    loaders: Loaders = field(default_factory=Loaders)

    def start_anew(self) -> None:
        self.loaders = Loaders()


def schema_with(*extensions: Any) -> strawberry.Schema:
    """The schema, with these extensions."""
    return strawberry.Schema(
        Query,
        Mutation,
        types=[Cat, Dog],
        config=StrawberryConfig(
            scalar_map={
                Even: strawberry.scalar(name="Even", serialize=even),
                Day: strawberry.scalar(name="Day", serialize=day),
            }
        ),
        extensions=extensions,
    )


STOCK = schema_with()


@dataclass
class Both:
    """Asks both executors, and holds their answers against each other."""

    compiled: strawberry.Schema
    operations: Operations

    async def ask(self, query: str, variables: dict[str, Any] | None = None, **context: Any) -> tuple[Any, Context]:
        answers = []
        for schema in (STOCK, self.compiled):
            told = Context(**context)
            result = await schema.execute(query, variable_values=variables, context_value=told)
            errors = [each.formatted for each in result.errors or ()]
            answers.append(orjson.dumps({"data": result.data, "errors": errors}))
        assert answers[0] == answers[1]
        return result.data, told

    async def runs(self, query: str, variables: dict[str, Any] | None = None, **context: Any) -> tuple[Any, Context]:
        """The same, and it ran compiled."""
        before = self.operations.counts.ran
        answer = await self.ask(query, variables, **context)
        assert self.operations.counts.ran == before + 1, self.operations.counts
        return answer


def both_with(*extensions: Any, **settings: Any) -> Both:
    operations: Operations
    schema = schema_with(*extensions, lambda: CompiledOperations(operations, Context.start_anew))
    operations = Operations(schema, **{"after": 1, **settings})
    return Both(schema, operations)


@pytest.fixture
def both() -> Both:
    return both_with()


@pytest.mark.parametrize(
    "query",
    [
        "{ __typename plain colours }",
        "{ plain days }",
        "{ a: plain b: plain(times: 2, colour: BLUE) plain(search: {colours: [RED, BLUE]}) }",
        '{ later(words: ["a", "b"]) even(of: 4) }',
        "{ pets { __typename name ... on Cat { lives } ... on Dog { tricks toy { lives } } } }",
        "{ things { __typename ... on Stone { weight } ...C } } fragment C on Cat { ...D } fragment D on Cat { name }",
        "{ pets { ... { name } ... on Named { name } } pets { __typename } }",
        "{ tree { key children { key children { key left { key } } left { key } loaded } } }",
        "{ secret tree { loaded } counted }",
        "{ plain @skip(if: true) colours @include(if: false) __typename @include(if: true) }",
    ],
)
async def test_queries_run_compiled_and_answer_the_same(both: Both, query: str) -> None:
    await both.runs(query)
    await both.runs(query)
    assert both.operations.counts.compiled == 1


async def test_what_the_encoder_writes_alike_stays_as_it_is(both: Both) -> None:
    data, _ = await both.runs("{ days }")
    assert data == {"days": [date(2026, 11, 22), None]}


VARIABLES = """
query ($t: Int! = 3, $c: Colour = RED, $s: Search, $w: [String!]! = ["d"]) {
  plain(times: $t, colour: $c, search: $s) later(words: $w) x: plain(search: {name: "n", colours: [$c]})
}
"""


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({}, {}),
        ({"t": 7}, {}),
        ({"c": "BLUE"}, {}),
        ({"s": {}}, {}),
        ({"s": {"name": "y", "colours": "RED"}}, {}),
        ({"w": "one"}, {}),
        ({"t": None}, {"wrong variables": 1}),
        ({"c": "GREEN"}, {"wrong variables": 1}),
    ],
)
async def test_variables_are_coerced_as_graphql_core_does(
    both: Both, given: dict[str, Any], left: dict[str, int]
) -> None:
    await both.ask(VARIABLES, given)
    assert both.operations.counts.left == left


async def test_conditions_make_a_program_each(both: Both) -> None:
    query = """
query ($a: Boolean!, $b: Boolean = true) { plain @skip(if: $a) ...F @include(if: $b) }
fragment F on Query { colours }
"""
    for given in ({"a": True}, {"a": False}, {"a": True, "b": False}, {"a": True}):
        await both.runs(query, given)
    assert both.operations.counts.compiled == 3
    assert both.operations.counts.entries == 1


async def test_a_level_asks_each_loader_once_and_for_each_key_once(both: Both) -> None:
    query = "{ a: tree { children { left { key } } } b: tree { children { left { key } } left { key } } }"
    _, context = await both.runs(query)
    assert sorted(context.loaders.asked) == [("children", [1]), ("row", [1]), ("row", [2])]


async def test_what_resolvers_say_is_to_be_loaded_is_loaded_by_level(both: Both) -> None:
    query = "{ tree { key twice children { thrice: twice(times: 3) left { key } children { twice } } } }"
    data, context = await both.runs(query)
    assert data["tree"]["children"] == [
        {"thrice": 6, "left": {"key": 2}, "children": [{"twice": 8}, {"twice": None}]},
        {"thrice": 9, "left": None, "children": [{"twice": 12}, {"twice": 14}]},
    ]
    assert sorted(context.loaders.asked) == [
        ("children", [1]),
        ("children", [2, 3]),
        ("row", [1]),
        ("row", [2, 3]),
        ("row", [4, 6, 7]),
    ]


async def test_an_operation_at_hand_is_run_without_asking_anybody_else(both: Both) -> None:
    query, document = "{ plain broken needed }", parse("{ plain broken needed }")
    assert both.operations.ready(query, document, None, {}) is None
    await both.ask(query)
    ready = both.operations.ready("{ plain }", parse("{ plain }"), None, {})
    assert ready is None
    await both.runs("{ plain }")
    ready = both.operations.ready("{ plain }", parse("{ plain }"), None, {})
    assert ready is not None
    assert (await both.operations.run(ready, Context())).data == {"plain": "1 Colour.RED None"}
    again = both.operations.ready(query, document, None, {})
    assert again is not None
    with pytest.raises(ValueError, match="broken"):
        await both.operations.run(again, Context())
    # Whoever has seen it fail leaves it to graphql-core, and does not try it twice.
    assert both.operations.ready(query, document, None, {}) is None
    assert await both.operations.execute(query, document, None, {}, Context()) is None


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ needed }", "null in a non-null position"),
        ("{ plain broken }", "ValueError"),
        ("{ even(of: 3) }", "ValueError"),
        ("{ tree { children { path } } }", "a resolver asked for info.path"),
    ],
)
async def test_whatever_goes_wrong_is_run_again_by_graphql_core(both: Both, query: str, reason: str) -> None:
    await both.ask(query, needed=None)
    counts = both.operations.counts
    assert counts.ran == 0
    assert counts.rerun == {reason: 1}


async def test_permissions_are_asked_for_every_run(both: Both) -> None:
    query = "{ secret plain }"
    assert (await both.runs(query))[0]["secret"] == "told"
    assert (await both.ask(query, locked=True))[0]["secret"] is None
    assert (await both.runs(query))[0]["secret"] == "told"


async def test_what_fails_again_and_again_is_tried_less_and_less(both: Both) -> None:
    for _ in range(40):
        await both.ask("{ broken }")
    counts = both.operations.counts
    assert sum(counts.rerun.values()) < 8
    assert counts.left["failed before"] == 40 - sum(counts.rerun.values())


async def test_a_plain_resolver_that_answers_an_awaitable_is_awaited_from_then_on(both: Both) -> None:
    await both.ask("{ promised }")
    await both.runs("{ promised plain }")


async def test_a_field_that_is_counted_is_resolved_once(both: Both) -> None:
    data, context = await both.ask("{ counted broken }")
    assert data == {"counted": 1, "broken": None}
    assert context.count == 1


@pytest.mark.parametrize(
    ("query", "reason"),
    [("{ __schema { queryType { name } } }", "introspection"), ("mutation { change }", "mutation")],
)
async def test_what_is_not_compiled_is_left_with_a_reason(both: Both, query: str, reason: str) -> None:
    await both.ask(query)
    assert both.operations.counts.left == {reason: 1}


def test_a_cancelled_operation_leaves_nothing_behind(both: Both) -> None:
    async def cancel() -> tuple[Context, int]:
        context = Context()
        document = "{ slow other: slow tree { loaded } }"
        asking = asyncio.create_task(both.compiled.execute(document, context_value=context))
        async with asyncio.timeout(5):
            await context.begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(0)
        return context, len(asyncio.all_tasks())

    # In a loop of its own, where nobody else has tasks.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        context, tasks = runner.run(cancel())
    assert context.ended == 2
    assert tasks == 1


async def test_documents_that_come_once_are_not_compiled_and_drive_nothing_out() -> None:
    both = both_with(after=2, entries=10)
    await both.ask("{ plain }")
    await both.runs("{ plain }")
    for index in range(50):
        await both.ask(f"{{ a{index}: plain }}")
    await both.runs("{ plain }")
    counts = both.operations.counts
    assert (counts.compiled, counts.entries, counts.evicted) == (1, 1, 0)
    assert counts.left["new"] == 51


async def test_what_is_kept_is_bounded_in_entries_and_bytes() -> None:
    both = both_with(entries=5)
    for index in range(20):
        await both.ask(f"{{ a{index}: plain }}")
    assert both.operations.counts.entries == 5
    assert both.operations.counts.evicted == 15
    small = both_with(size=20_000)
    for index in range(40):
        await small.runs(f"{{ a{index}: plain pets {{ name ... on Dog {{ tricks }} }} }}")
        assert small.operations.counts.size <= 20_000
    assert 0 < small.operations.counts.entries < 10


async def test_an_extension_that_wraps_resolvers_is_called_for_every_field() -> None:
    seen = []

    class Wrapping(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(info.field_name)
            return _next(root, info, *args, **kwargs)

    both = both_with(Wrapping)
    await both.ask("{ plain colours }")
    assert seen == ["plain", "colours"]
    assert both.operations.counts.left == {"an extension wraps resolvers": 1}
