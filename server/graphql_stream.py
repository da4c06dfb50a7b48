"""Operations over transports that may tell more than one answer: sockets, and server-sent events.

What has begun is always finished, as over HTTP: a client that ends an operation early, or goes away, only stops
waiting for it. So no statement is ever interrupted, and what an operation holds is given back in its own time.

A subscription that has nothing to tell does not run: it is run again when something of it has changed, from what was
asked (`Asked`) and what its ear remembers. So whoever waits, which nearly all do, costs next to nothing.
"""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from sys import intern
from typing import Any, Protocol

import structlog
from graphql import GraphQLError
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
from server.graphql_context import Contexts, Whence
from server.graphql_request import GraphQLRequest
from server.live import Ear, Hub

ANY_OPERATION = frozenset({OperationType.QUERY, OperationType.MUTATION, OperationType.SUBSCRIPTION})
ENDED = "The session has ended; sign in again"
MOST_OPERATIONS = 10

_log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Asked:
    """An operation that was asked for; `allowed` are the types that it may be of.

    `viewer` is whose it is, and `text` its document, once it has begun and told what there was to tell.
    """

    whence: Whence
    profile: Profile
    token: str | None
    wanted: GraphQLRequest
    allowed: Iterable[OperationType] = ANY_OPERATION
    viewer: Viewer | None = None
    text: str | None = None


class Listener(Protocol):
    """Whoever waits for an operation's answers; `unheard` once nobody does."""

    ear: Ear
    unheard: bool

    def admit(self, caller: Viewer | Widget | Expired | None) -> None:
        """Let the operation of that caller begin. Raises GraphQLError for one too many."""

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

    async def run(self, asked: Asked, listener: Listener) -> list[dict[str, Any]] | None:
        """Run an operation as far as it goes; gives the errors that kept it from being executed.

        While its ear listens then, it waits for something to be heard, and is to be run again.
        """
        ear, waits = listener.ear, False
        try:
            if asked.viewer is not None:
                # Before anything is made: there may be thousands that heard the same.
                await ear.turn()
                if ear.closed:
                    return None
            refused = await self._run(asked, listener)
            waits = refused is None and ear.listens and not listener.unheard
            return refused
        except GraphQLError as error:  # a document that cannot be parsed, or is not known
            return refusals([error], hints=self.contexts.settings.introspection)
        except SILENT as error:
            _log.error("the database did not answer", error=type(error).__name__)
            return [problem(OVERLOADED, "UNAVAILABLE")]
        except Exception:
            _log.exception("an operation failed")
            return [problem(BROKEN, "INTERNAL")]
        finally:
            ear.rest()
            if not waits:
                ear.close()

    async def _run(self, asked: Asked, listener: Listener) -> list[dict[str, Any]] | None:
        reads, batches = self.contexts.reader(), Batches()
        try:
            caller = asked.viewer or await self.contexts.caller(asked.token, asked.profile, reads)
            context = self.contexts.context(asked.whence, asked.profile, caller, reads, batches, live=listener.ear)
            try:
                if asked.viewer is None:
                    listener.admit(caller)
                return await self._tell_answers(asked, context, listener)
            finally:
                await asyncio.shield(context.close())
        finally:
            await reads.close()

    async def _tell_answers(self, asked: Asked, context: Context, listener: Listener) -> list[dict[str, Any]] | None:
        """Tell each answer as it comes."""
        if isinstance(context.caller, Expired):
            listener.session_ended()
            if listener.unheard:
                return None
        wanted = asked.wanted
        query = asked.text or await self._lookup.text(wanted, context.reads)
        answers = await self._schema.stream(
            query,
            variable_values=wanted.variables,
            context_value=context,
            operation_name=wanted.operation_name,
            allowed_operation_types=asked.allowed,
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
        if listener.ear.listens and asked.viewer is None:
            asked.viewer = context.viewer
            # Thousands subscribe with the same words: there is one copy of them.
            asked.text, asked.wanted = intern(query), replace(wanted, query=None)
        return None
