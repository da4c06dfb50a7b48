"""Events of subscriptions: what is selected of each one is answered by a compiled operation, where there is one.

Who is told what, and when, stays with graphql-core and Strawberry: they ask the subscription's field for its events.
Each event is then a query of its own, which has the event for its root.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, OperationType
from graphql.execution import Executor
from graphql.pyutils.is_awaitable import is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from execution.operations import Operations


def compiled_events(
    operations: Callable[[], Operations],
    start_anew: Callable[[Any], None],
    final: tuple[type[Exception], ...] = (),
) -> type[Executor[Any]]:
    """The `execution_context_class` of a schema whose subscriptions answer events by its compiled `operations`.

    `start_anew` and `final` are those of `CompiledOperations`. An event that meets a final error is answered with that
    and nothing else, and the subscription goes on.
    """

    class EventExecutor(StrawberryGraphQLCoreExecutionContext):
        """graphql-core's executor; that of an event looks for a program first."""

        _stream: _Stream | None = None
        _is_of_event = False

        @classmethod
        def build(cls, schema: Any, document: DocumentNode, *args: Any, **kwargs: Any) -> Any:
            executor = super().build(schema, document, *args, **kwargs)
            if isinstance(executor, cls) and executor.operation.operation is OperationType.SUBSCRIPTION:
                executor._stream = _Stream(document)
            return executor

        def build_per_event_executor(self, payload: Any) -> "EventExecutor":
            executor = super().build_per_event_executor(payload)
            assert isinstance(executor, EventExecutor)
            executor._is_of_event = True
            return executor

        def execute_operation(self, serially: bool | None = None) -> Any:
            return self._answer(serially) if self._is_of_event else super().execute_operation(serially)

        async def _answer(self, serially: bool | None) -> Any:
            if (answered := await self._compiled()) is not None:
                return answered
            result = super().execute_operation(serially)
            return await result if is_awaitable(result) else result

        async def _compiled(self) -> ExecutionResult | None:
            """What a program answers; None where graphql-core has to, which then finds everything as it was."""
            stream, node = self._stream, self.operation
            assert stream is not None, "only subscriptions have events"
            if node.loc is None:
                operations().leave("a document without its text")
                return None
            if self.abort_signal is not None:
                operations().leave("an event that may be aborted")
                return None
            text, name = node.loc.source.body, node.name.value if node.name else None
            try:
                answered = await operations().event(
                    text, stream.document, name, self.variable_values, self.context_value, self.root_value
                )
            except final as error:
                stream.by_level = True
                return ExecutionResult(None, [GraphQLError(str(error), original_error=error)])
            except Exception:
                answered, stream.by_level = None, True
            if answered is None and stream.by_level:
                start_anew(self.context_value)
            stream.by_level = answered is not None
            return answered

    return EventExecutor


@dataclass(slots=True, eq=False)
class _Stream:
    """What the events of a subscription have in common.

    `by_level` once a program has run: its loaders may still believe that they are asked level by level.
    """

    document: DocumentNode
    by_level: bool = False
