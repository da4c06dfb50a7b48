"""Operations over transports that may tell more than one answer: sockets, and server-sent events.

What has begun is always finished, as over HTTP: a client that ends an operation early, or goes away, only stops
waiting for it. So no statement is ever interrupted, and what an operation holds is given back in its own time; only a
subscription's waiting ends at once.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AbstractContextManager, aclosing
from typing import Any, Protocol

import structlog
from graphql import GraphQLError
from starlette.requests import HTTPConnection
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from auth.session import Expired, Viewer, Widget
from domain.profile import Profile
from loaders.batch import Batches
from models.reader import SILENT
from resolvers.context import Context
from schema.schema import HearthSchema
from server import watching
from server.document_lookup import DocumentLookup
from server.graphql_answer import BROKEN, OVERLOADED, answer, problem, refusals
from server.graphql_context import Contexts
from server.graphql_request import GraphQLRequest
from server.live import Ear, Hub

ANY_OPERATION = frozenset({OperationType.QUERY, OperationType.MUTATION, OperationType.SUBSCRIPTION})
ENDED = "The session has ended; sign in again"
MOST_OPERATIONS = 10

_log = structlog.get_logger()


class Listener(Protocol):
    """Whoever waits for an operation's answers; `unheard` once nobody does."""

    ear: Ear
    unheard: bool

    def admitting(self, caller: Viewer | Widget | Expired | None) -> AbstractContextManager[None]:
        """What holds for as long as the operation of that caller runs. Raises GraphQLError for one too many."""

    def session_ended(self) -> None:
        """Take notice that the caller's session has ended."""

    async def tell(self, told: dict[str, Any]) -> None:
        """Tell an answer."""


class Streams:
    """Runs operations for listeners."""

    def __init__(self, schema: HearthSchema, contexts: Contexts, hub: Hub) -> None:
        self.contexts = contexts
        self.hub = hub
        self._schema = schema
        self._lookup = DocumentLookup(schema.documents, contexts.settings.documents)

    async def run(
        self,
        connection: HTTPConnection,
        profile: Profile,
        token: str | None,
        wanted: GraphQLRequest,
        listener: Listener,
        allowed: Iterable[OperationType] = ANY_OPERATION,
    ) -> list[dict[str, Any]] | None:
        """Run one operation to its end; gives the errors that kept it from being executed."""
        reads, batches = self.contexts.reader(), Batches()
        try:
            caller = await self.contexts.caller(token, profile, reads)
            context = self.contexts.context(connection, profile, caller, reads, batches, live=listener.ear)
            try:
                with listener.admitting(caller):
                    return await self._tell_answers(listener, wanted, context, allowed)
            finally:
                listener.ear.close()
                await asyncio.shield(context.close())
        except GraphQLError as error:  # a document that cannot be parsed, or is not known
            return refusals([error], hints=self.contexts.settings.introspection)
        except SILENT as error:
            _log.error("the database did not answer", error=type(error).__name__)
            return [problem(OVERLOADED, "UNAVAILABLE")]
        except Exception:
            _log.exception("an operation failed")
            return [problem(BROKEN, "INTERNAL")]
        finally:
            await reads.close()

    async def _tell_answers(
        self, listener: Listener, wanted: GraphQLRequest, context: Context, allowed: Iterable[OperationType]
    ) -> list[dict[str, Any]] | None:
        """Tell each answer as it comes."""
        if isinstance(context.caller, Expired):
            listener.session_ended()
            if listener.unheard:
                return None
        query = await self._lookup.text(wanted, context.reads)
        answers = await self._schema.stream(
            query,
            variable_values=wanted.variables,
            context_value=context,
            operation_name=wanted.operation_name,
            allowed_operation_types=allowed,
        )
        async with aclosing(answers):
            async for result in answers:
                assert isinstance(result, ExecutionResult | PreExecutionError)  # nothing is delivered in parts
                if isinstance(context.caller, Expired):
                    listener.session_ended()
                settings = self.contexts.settings
                told = answer(result, context, development=settings.development, hints=settings.introspection)
                watching.named(self._schema.documents, query, wanted.operation_name, told)
                await context.rest()
                if listener.unheard:
                    break
                if context.unanswered and listener.ear.listens:
                    continue  # the subscription tells it again
                if context.unanswered:
                    return [problem(OVERLOADED, "UNAVAILABLE")]
                if isinstance(result, PreExecutionError) or "data" not in told:
                    return list(told["errors"])
                await listener.tell(told)
                del result, told  # a subscription may wait for hours until there is another
        return None
