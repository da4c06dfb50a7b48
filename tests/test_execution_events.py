"""Events of subscriptions, on a schema of its own: compiled they answer what graphql-core answers, and are counted."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import strawberry
from graphql import AbortController, parse, subscribe
from strawberry.extensions import MaskErrors, SchemaExtension

from execution.events import compiled_events
from execution.operations import CompiledOperations, Operations
from tests.test_execution_operations import Cat, Colour, Context, Dog, Info, Loaders, Locked, Named, Row, Tree


class Lost(Exception):
    """What a second run would only meet again."""


@strawberry.type
class Query:
    @strawberry.field
    def plain(self) -> str:
        return "plain"


@strawberry.type
class News:
    """An event that has resolvers of its own."""

    number: int

    @strawberry.field
    async def tree(self, info: Info) -> Tree:
        return Row(self.number)  # type: ignore[return-value]

    @strawberry.field
    def odd(self, info: Info) -> str:
        if self.number % 2:
            raise ValueError(f"odd {self.number}")
        return "even"

    @strawberry.field
    async def lost(self) -> str | None:
        raise Lost

    @strawberry.field(permission_classes=[Locked])
    def secret(self, info: Info) -> str | None:
        return "told"

    @strawberry.field
    def variables(self, info: Info) -> str:
        return json.dumps(info.variable_values)

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
class Subscription:
    @strawberry.subscription
    async def news(self, upto: int = 3, colour: Colour = Colour.RED) -> AsyncGenerator[News, None]:
        for number in range(1, upto + 1):
            yield News(number=number)

    @strawberry.subscription(graphql_type=Tree)
    async def trees(self, info: Info) -> AsyncGenerator[Row, None]:
        for key in (1, 3):
            info.context.loaders = Loaders()  # as whoever reads anew for each event does
            yield Row(key)

    @strawberry.subscription
    async def pets(self) -> AsyncGenerator[Named, None]:
        yield Cat(name="Tom", lives=9)
        yield Dog(name="Rex", tricks=[["sit", None], []], toy=Cat(name="T", lives=0))

    @strawberry.subscription
    async def words(self) -> AsyncGenerator[list[str | None], None]:
        yield ["a", None]
        yield []

    @strawberry.subscription
    async def perhaps(self) -> AsyncGenerator[Colour | None, None]:
        yield Colour.BLUE
        yield None

    @strawberry.subscription
    async def surely(self) -> AsyncGenerator[int, None]:
        yield 1
        yield None  # type: ignore[misc]
        yield 2**40
        yield 2

    @strawberry.subscription(graphql_type=list[int])
    async def once(self) -> AsyncGenerator[Iterator[int], None]:
        yield [0]  # type: ignore[misc]
        yield iter([1, 2])
        yield iter([3, None])  # type: ignore[list-item]

    @strawberry.subscription(graphql_type=str)
    async def promised(self) -> AsyncGenerator[Any, None]:
        async def answer() -> str:
            return "kept"

        yield answer()
        yield "told"

    @strawberry.subscription
    async def ends_badly(self) -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("the source is broken")


STOCK: list[Any] = [lambda: MaskErrors(should_mask_error=lambda error: isinstance(error.original_error, ValueError))]


@dataclass
class Both:
    """Subscribes at both executors, and holds their answers against each other."""

    stock: strawberry.Schema
    compiled: strawberry.Schema
    operations: Operations

    async def hear(self, query: str, variables: dict[str, Any] | None = None, **context: Any) -> list[Any]:
        """The data of each event."""
        told = [await _told(schema, query, variables, Context(**context)) for schema in (self.stock, self.compiled)]
        assert told[0] == told[1]
        return [json.loads(each).get("data") for each in told[0]]

    async def runs(self, query: str, variables: dict[str, Any] | None = None, **context: Any) -> list[Any]:
        """The same, and all of them ran compiled."""
        before = self.operations.counts.ran
        answers = await self.hear(query, variables, **context)
        assert self.operations.counts.ran == before + len(answers) > before, self.operations.counts
        return answers


async def _told(schema: strawberry.Schema, query: str, variables: Any, context: Context) -> list[str]:
    answers = []
    async for result in await schema.subscribe(query, variable_values=variables, context_value=context):
        assert not isinstance(result, dict)
        errors = [each.formatted for each in result.errors or ()]
        answers.append(json.dumps({"kind": type(result).__name__, "data": result.data, "errors": errors}))
    return answers


def both_with(*extensions: Any, **settings: Any) -> Both:
    operations: Operations

    def schema(*more: Any, **given: Any) -> strawberry.Schema:
        extending = [*STOCK, *extensions, *more]
        return strawberry.Schema(Query, subscription=Subscription, types=[Cat, Dog], extensions=extending, **given)

    compiled = schema(
        lambda: CompiledOperations(operations, Context.start_anew),
        execution_context_class=compiled_events(lambda: operations, lambda context: context.start_anew(), (Lost,)),
    )
    operations = Operations(compiled, **{"after": 1, **settings})
    return Both(schema(), compiled, operations)


@pytest.fixture
def both() -> Both:
    return both_with()


@pytest.mark.parametrize(
    "query",
    [
        "subscription { news { __typename number } }",
        "subscription { n: news(upto: 2, colour: BLUE) { number ...F } } fragment F on News { x: number tree { key } }",
        "subscription ($n: Int = 2) { ...S } fragment S on Subscription { news(upto: $n) { number secret } }",
        "subscription { news(upto: 2) { tree { children { left { key } loaded twice } } } news(upto: 2) { number } }",
        "subscription { trees { key children { children { left { key } loaded } } } }",
        "subscription { pets { __typename name ... on Cat { lives } ... on Dog { tricks toy { lives } } } }",
        "subscription { words }",
        "subscription { perhaps }",
    ],
)
async def test_events_run_compiled_and_answer_the_same(both: Both, query: str) -> None:
    await both.runs(query)
    await both.runs(query)
    counts = both.operations.counts
    assert (counts.compiled, counts.left, counts.rerun) == (1, {}, {})


async def test_variables_and_conditions_choose_the_program(both: Both) -> None:
    query = """
subscription Named($a: Boolean!, $n: Int = 1) {
  news(upto: $n) { number @skip(if: $a) ...F @include(if: $a) variables }
}
fragment F on News { tree { key } }
"""
    assert len(await both.runs(query, {"a": True, "n": 2})) == 2
    [shown] = await both.runs(query, {"a": False})
    assert shown["news"]["number"] == 1
    assert json.loads(shown["news"]["variables"]) == {"a": False, "n": 1}
    assert both.operations.counts.compiled == 2
    assert both.operations.counts.entries == 1


async def test_a_level_of_an_event_asks_each_loader_once(both: Both) -> None:
    asked = []

    class Noting(Loaders):
        def __init__(self) -> None:
            super().__init__()
            asked.append(self.asked)

    context = Context(loaders=Noting())
    query = "subscription { news(upto: 1) { tree { children { left { key } } } again: tree { left { key } } } }"
    assert len(await _told(both.compiled, query, None, context)) == 1
    assert both.operations.counts.ran == 1
    assert sorted(asked[0]) == [("children", [1]), ("row", [1]), ("row", [2])]


@pytest.mark.parametrize(
    ("query", "ran", "rerun", "left"),
    [
        (
            "subscription { surely }",
            1,
            {"null in a non-null position": 1, "GraphQLError": 1},
            {"failed before": 1},
        ),
        ("subscription { news { number odd } }", 1, {"ValueError": 2}, {}),
        ("subscription { trees { children { path } } }", 0, {"a resolver asked for info.path": 2}, {}),
    ],
)
async def test_an_event_that_goes_wrong_is_run_again_by_graphql_core_alone(
    both: Both, query: str, ran: int, rerun: dict[str, int], left: dict[str, int]
) -> None:
    await both.hear(query)
    counts = both.operations.counts
    assert (counts.ran, counts.rerun, counts.left) == (ran, rerun, left)


async def test_loaders_that_fail_for_one_event_are_fresh_for_graphql_core(both: Both) -> None:
    anew = []

    class Noting(Context):
        def start_anew(self) -> None:
            anew.append(self)
            super().start_anew()

    def broken(key: int) -> Any:
        raise ValueError("the loader is broken")

    context = Noting()
    context.loaders.row = context.loaders._loader("row", broken)
    query = "subscription { news(upto: 2) { number tree { left { key } } } }"
    answers = await _told(both.compiled, query, None, context)
    # The loaders that graphql-core was given hold, and so do they for the event after it.
    assert [json.loads(each)["data"]["news"]["tree"]["left"]["key"] for each in answers] == [1, 2]
    assert both.operations.counts.rerun == {"ValueError": 1}
    assert len(anew) == 1


async def test_errors_that_are_final_are_told_and_the_subscription_goes_on(both: Both) -> None:
    context = Context()
    answers = [json.loads(each) for each in await _told(both.compiled, "subscription { news { lost } }", None, context)]
    assert [each["data"] for each in answers] == [None, None, {"news": {"lost": None}}], "the third time it rests"
    assert all(len(each["errors"]) == 1 for each in answers)
    assert {each["kind"] for each in answers} == {"ExecutionResult"}


async def test_permissions_are_asked_for_every_event(both: Both) -> None:
    query = "subscription { news(upto: 1) { secret } }"
    assert (await both.runs(query))[0]["news"]["secret"] == "told"
    assert (await both.hear(query, locked=True))[0]["news"]["secret"] is None
    assert both.operations.counts.rerun == {"StrawberryGraphQLError": 1}


async def test_events_that_can_be_looked_at_once_are_left_to_graphql_core(both: Both) -> None:
    await both.hear("subscription { once }")
    await both.hear("subscription { promised }")
    counts = both.operations.counts
    assert counts.left == {"an event that can be looked at once": 3}
    assert counts.ran == 2


async def test_what_follows_on_a_program_does_not_find_its_loaders(both: Both) -> None:
    anew = []

    class Noting(Context):
        def start_anew(self) -> None:
            anew.append(both.operations.counts.ran)

    assert len(await _told(both.compiled, "subscription { once }", None, Noting())) == 3
    # The first event ran, the second was left, and so was the third.
    assert anew == [1]


async def test_a_document_is_known_by_its_text() -> None:
    class WithoutText(SchemaExtension):
        def on_parse(self) -> Iterator[None]:
            context = self.execution_context
            context.graphql_document = parse(context.query or "", no_location=True)
            yield

    both = both_with(WithoutText)
    await both.hear("subscription { words }")
    assert both.operations.counts.left == {"a document without its text": 2}


async def test_what_may_be_aborted_is_for_graphql_core_to_abort(both: Both) -> None:
    executing: Any = {"executor_class": both.compiled.execution_context_class}
    subscribing: Any = subscribe(
        both.compiled._schema, parse("subscription { words }"), abort_signal=AbortController().signal, **executing
    )
    assert [result.data async for result in await subscribing] == [{"words": ["a", None]}, {"words": []}]
    assert both.operations.counts.left == {"an event that may be aborted": 2}


@pytest.mark.parametrize(
    "query", ["subscription { endsBadly }", "subscription ($n: Int!) { news(upto: $n) { number } }", "{ plain }"]
)
async def test_what_is_no_event_is_none_of_its_business(both: Both, query: str) -> None:
    await both.hear(query)
    counts = both.operations.counts
    assert counts.ran == (1 if "endsBadly" in query else 0)
    assert counts.left == counts.rerun == {}


async def test_a_program_for_events_answers_no_request(both: Both) -> None:
    query = "subscription { news { number } }"
    await both.runs(query)
    document = parse(query)
    assert both.operations.ready(query, document, None, {}) is None
    assert await both.operations.execute(query, document, None, {}, Context(), News(number=1)) is None
    assert both.operations.counts.left == {"a subscription, and no event of one": 1}


async def test_events_count_as_what_comes_again_and_are_bounded_with_the_queries() -> None:
    both = both_with(after=2, entries=3)
    await both.hear("subscription { news { number } }")
    counts = both.operations.counts
    assert (counts.misses, counts.hits, counts.ran, counts.left) == (2, 1, 2, {"new": 1})
    for index in range(10):
        await both.hear(f"subscription {{ a{index}: news(upto: 2) {{ number }} }}")
    counts = both.operations.counts
    assert (counts.entries, counts.evicted) == (3, 8)


async def test_an_extension_that_wraps_resolvers_is_called_for_every_field_of_an_event() -> None:
    seen = []

    class Wrapping(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(info.field_name)
            return _next(root, info, *args, **kwargs)

    both = both_with(Wrapping)
    await both.hear("subscription { news(upto: 1) { number } }")
    assert seen == ["news", "number"] * 2
    assert both.operations.counts.left == {"an extension wraps resolvers": 1}


def test_a_cancelled_subscription_leaves_nothing_behind(both: Both) -> None:
    async def cancel() -> tuple[Context, int]:
        context = Context()
        query = "subscription { news { slow other: slow tree { loaded } } }"
        hearing = asyncio.create_task(_told(both.compiled, query, None, context))
        async with asyncio.timeout(5):
            await context.begun.wait()
        hearing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hearing
        await asyncio.sleep(0)
        return context, len(asyncio.all_tasks())

    # In a loop of its own, where nobody else has tasks.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        context, tasks = runner.run(cancel())
    assert context.ended == 2
    assert tasks == 1
