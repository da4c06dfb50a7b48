"""Questions about the schema alone are answered beside the event loop: hundreds of types are a long answer."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from graphql import GraphQLSchema, execute_sync, get_operation_ast
from strawberry.extensions import SchemaExtension

from schema.introspection_cost import Introspection

# One at a time: each takes the interpreter from everybody else for half of the time.
_ASIDE = ThreadPoolExecutor(1, "introspection")


class IntrospectionAside(SchemaExtension):
    """Answers an operation that asks about the schema and nothing else; for one execution."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    async def on_execute(self) -> AsyncIterator[None]:
        context = self.execution_context
        document = context.graphql_document
        assert document is not None
        operation = get_operation_ast(document, context.operation_name)
        if operation is not None and Introspection(self._schema, document).is_all_of(operation):
            answering = partial(
                execute_sync,
                self._schema,
                document,
                variable_values=context.variables,
                operation_name=context.operation_name,
            )
            context.result = await asyncio.get_running_loop().run_in_executor(_ASIDE, answering)
        yield
