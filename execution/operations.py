"""Compiled operations of a schema: found, or made for documents that come again, and run."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import strawberry
from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    OperationType,
    VariableNode,
    Visitor,
    get_operation_ast,
    get_variable_values,
    visit,
)
from graphql.execution.values import VariableValues
from graphql.pyutils.is_awaitable import is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType as Kind

from execution.anomaly import Anomaly, Awaits, CannotCompile
from execution.cache import Cache
from execution.calls import Calls
from execution.compiler import Compiler
from execution.program import Program

# How many documents are remembered as having come once.
_SEEN = 10_000
# The syntax tree of a document takes about so many bytes for each character of it.
_BYTES_OF_A_CHARACTER = 60
# @skip and @include make an operation of its own of each combination of their variables that is asked for.
_MOST_VARIANTS = 16
# An operation that came to nothing again and again is tried only once in so many times.
_LONGEST_REST = 64

_log = logging.getLogger(__name__)

Key = tuple[str, str | None]
Compile = Callable[[DocumentNode, str | None, VariableValues], Program]


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of operations since the process began, and what is kept; `size` in bytes.

    `left` counts by reason what was left to graphql-core before it ran, `rerun` what was run by it again. Each event
    of a subscription counts as an operation.
    """

    hits: int
    misses: int
    compiled: int
    evicted: int
    entries: int
    size: int
    ran: int
    left: Mapping[str, int]
    rerun: Mapping[str, int]


@dataclass(slots=True, eq=False)
class _Known:
    """An operation that came again, with a program, or why there is none, for each combination of its conditions."""

    conditions: tuple[str, ...]
    variants: dict[tuple[Any, ...], Program | CannotCompile] = field(default_factory=dict)
    failed: int = 0
    resting: int = 0
    weighed: int = 0

    def chosen(self, variables: VariableValues) -> tuple[Any, ...]:
        """What @skip and @include are given."""
        return tuple(variables.coerced.get(name) for name in self.conditions)

    def weight(self, key: Key) -> int:
        """About how many bytes it takes."""
        programs = [each.size for each in self.variants.values() if isinstance(each, Program)]
        return _BYTES_OF_A_CHARACTER * len(key[0]) + sum(programs)


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A program, and the variables to run it with."""

    key: Key
    known: _Known
    program: Program
    variables: VariableValues


class Operations:
    """The compiled operations of one schema.

    A document is compiled when it comes for the `after`th time: a flood of documents that come once costs nothing and
    drives nothing out. At most `entries` operations are kept, in about `size` bytes.
    """

    def __init__(
        self, schema: strawberry.Schema, *, entries: int = 1_000, size: int = 48 * 2**20, after: int = 2
    ) -> None:
        self._schema = schema
        self._compiler = Compiler(schema._schema, Calls(schema.schema_converter))
        self._after = after
        self._known: Cache[Key, _Known] = Cache(entries, size)
        # By the hash of a key: a stranger's text may be long, and to take one for another costs a program at most.
        self._seen: Cache[int, int] = Cache(_SEEN, _SEEN)
        self._hits = self._misses = self._compiled = self._ran = 0
        self._left: Counter[str] = Counter()
        self._rerun: Counter[str] = Counter()

    @property
    def counts(self) -> Counts:
        return Counts(
            hits=self._hits,
            misses=self._misses,
            compiled=self._compiled,
            evicted=self._known.evicted,
            entries=len(self._known),
            size=self._known.size,
            ran=self._ran,
            left=dict(self._left),
            rerun=dict(self._rerun),
        )

    async def execute(
        self,
        query: str,
        document: DocumentNode,
        operation_name: str | None,
        given: Mapping[str, Any] | None,
        context: Any,
        root_value: Any = None,
    ) -> ExecutionResult | None:
        """What a valid operation answers; None where graphql-core has to execute it.

        Raises `Anomaly` and whatever resolvers and loaders raise: then graphql-core has to begin from the beginning.
        """
        key = query, operation_name
        known = self._awake(key, document)
        if known is None:
            return None
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            self._left["no such operation"] += 1
            return None
        if operation.operation is OperationType.SUBSCRIPTION:
            self._left["a subscription, and no event of one"] += 1
            return None
        variables = get_variable_values(self._schema._schema, operation.variable_definitions or (), dict(given or {}))
        if isinstance(variables, list):
            self._left["wrong variables"] += 1
            return None
        ready = self._made_ready(key, known, document, variables, self._compiler.compile)
        return None if ready is None else await self._run(ready, context, root_value)

    async def event(
        self,
        query: str,
        document: DocumentNode,
        operation_name: str | None,
        variables: VariableValues,
        context: Any,
        event: Any,
    ) -> ExecutionResult | None:
        """What a valid subscription answers to one of its events; None, and raises, as `execute` does."""
        key = query, operation_name
        known = self._awake(key, document)
        if known is None:
            return None
        if is_awaitable(event) or isinstance(event, Iterator):
            # Nobody could begin from the beginning with it.
            self._left["an event that can be looked at once"] += 1
            return None
        ready = self._made_ready(key, known, document, variables, self._compiler.compile_event)
        return None if ready is None else await self._run(ready, context, event)

    def leave(self, reason: str) -> None:
        """Count what is left to graphql-core for a reason that whoever asks knows."""
        self._left[reason] += 1

    def ready(
        self, query: str, document: DocumentNode, operation_name: str | None, given: Mapping[str, Any] | None
    ) -> Ready | None:
        """The program of a valid query, where it is at hand: for servers that ask before they do anything else.

        Whatever is not at hand, or not to be run now, is for `execute` to see to.
        """
        key = query, operation_name
        known = self._known.get(key)
        operation = None if known is None or known.resting else get_operation_ast(document, operation_name)
        if known is None or operation is None or operation.operation is not OperationType.QUERY:
            return None
        variables = get_variable_values(self._schema._schema, operation.variable_definitions or (), dict(given or {}))
        if isinstance(variables, list):
            return None
        program = known.variants.get(known.chosen(variables))
        if not isinstance(program, Program):
            return None
        self._hits += 1
        return Ready(key, known, program, variables)

    async def run(self, ready: Ready, context: Any, root_value: Any = None) -> ExecutionResult:
        """What the operation answers. Raises as `execute` does, which leaves it to graphql-core the next time."""
        try:
            return await self._run(ready, context, root_value)
        except Exception:
            ready.known.resting += 1
            raise

    async def _run(self, ready: Ready, context: Any, root_value: Any) -> ExecutionResult:
        try:
            data = await ready.program(context, root_value, ready.variables)
        except Exception as error:
            self._failed(ready.key, ready.known, error)
            raise
        finally:
            self._weigh(ready.key, ready.known)
        ready.known.failed = 0
        self._ran += 1
        return ExecutionResult(data, None)

    def _awake(self, key: Key, document: DocumentNode) -> _Known | None:
        """What is known of an operation that may be compiled and does not rest."""
        known = self._find(key, document)
        if known is not None and known.resting:
            known.resting -= 1
            self._left["failed before"] += 1
            return None
        return known

    def _find(self, key: Key, document: DocumentNode) -> _Known | None:
        known = self._known.get(key)
        if known is not None:
            self._hits += 1
            return known
        self._misses += 1
        # They want to be called for every field.
        if any(each._implements_resolve() for each in self._schema.get_extensions()):
            self._left["an extension wraps resolvers"] += 1
            return None
        times = (self._seen.get(hash(key)) or 0) + 1
        if times < self._after:
            self._seen.put(hash(key), times, 1)
            self._left["new"] += 1
            return None
        self._seen.remove(hash(key))
        known = _Known(_conditions(document))
        self._known.put(key, known, known.weight(key))
        return known

    def _made_ready(
        self, key: Key, known: _Known, document: DocumentNode, variables: VariableValues, compile_: Compile
    ) -> Ready | None:
        program = self._program(key, known, document, variables, compile_)
        if isinstance(program, CannotCompile):
            self._left[program.reason] += 1
            return None
        return Ready(key, known, program, variables)

    def _program(
        self, key: Key, known: _Known, document: DocumentNode, variables: VariableValues, compile_: Compile
    ) -> Program | CannotCompile:
        chosen = known.chosen(variables)
        program = known.variants.get(chosen)
        if program is not None:
            return program
        if len(known.variants) >= _MOST_VARIANTS:
            return CannotCompile("too many variants")
        try:
            # What else was given is no business of others who send the same document.
            conditions = {name: value for name, value in variables.coerced.items() if name in known.conditions}
            program = compile_(document, key[1], VariableValues({}, conditions))
            self._compiled += 1
        except CannotCompile as problem:
            program = problem.with_traceback(None)
            _log.debug("left to graphql-core: %s: %s", key[1], problem.reason)
        known.variants[chosen] = program
        return program

    def _weigh(self, key: Key, known: _Known) -> None:
        """Programs grow when they meet types that they have not met before."""
        if known.weighed != (weight := known.weight(key)) and self._known.get(key) is known:
            known.weighed = weight
            self._known.put(key, known, weight)

    def _failed(self, key: Key, known: _Known, error: Exception) -> None:
        reason = error.reason if isinstance(error, Anomaly) else type(error).__name__
        self._rerun[reason] += 1
        _log.debug("run again by graphql-core: %s: %s", key[1], reason)
        if isinstance(error, Awaits):
            # Known from now on: the operation is compiled anew, with a step for the field.
            self._compiler.calls.awaited.add(error.field)
            self._known.remove(key)
        else:
            known.failed += 1
            known.resting = min(2 ** (known.failed - 1) - 1, _LONGEST_REST)


def _conditions(document: DocumentNode) -> tuple[str, ...]:
    """The variables that @skip and @include ask for, in a document."""
    names: dict[str, None] = {}

    class Finding(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            if node.name.value in ("skip", "include"):
                for argument in node.arguments or ():
                    if isinstance(argument.value, VariableNode):
                        names[argument.value.name.value] = None

    visit(document, Finding())
    return tuple(names)


class CompiledOperations(SchemaExtension):
    """Answers queries by their compiled operations; for one execution. Subscriptions are executed by event.

    After whatever goes wrong, `start_anew` is given the context, for graphql-core to begin from the beginning: with
    loaders that remember nothing. `final` are the errors that it would only meet again.
    """

    def __init__(
        self, operations: Operations, start_anew: Callable[[Any], None], final: tuple[type[Exception], ...] = ()
    ) -> None:
        self._operations = operations
        self._start_anew = start_anew
        self._final = final

    async def on_execute(self) -> AsyncIterator[None]:
        context = self.execution_context
        assert context.graphql_document is not None
        if context.operation_type is Kind.SUBSCRIPTION:
            yield
            return
        try:
            context.result = await self._operations.execute(
                context.query or "",
                context.graphql_document,
                context.operation_name,
                context.variables,
                context.context,
                context.root_value,
            )
        except self._final:
            raise
        except Exception:
            self._start_anew(context.context)
        yield
