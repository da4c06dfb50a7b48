"""The whole schema."""

from collections.abc import Iterable
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError, GraphQLInputObjectType, print_schema
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import MaskErrors
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import ExecutionContext
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType

from domain.document_limits import DocumentLimits
from execution.events import compiled_events
from execution.operations import CompiledOperations, Operations
from models import watch
from models.reader import SILENT
from resolvers.context import Context
from resolvers.errors import CallerError
from schema import enums  # noqa: F401 - registers the domain's enums
from schema.account_security import AccountSecurityMutation
from schema.approval import APPROVAL_ERRORS, ApprovalMutation
from schema.autopay import AutopayMutation
from schema.balance_payment import BalancePaymentMutation, BalanceTooLow
from schema.child_policy import ChildPolicyMutation
from schema.closing import ClosingMutation
from schema.data_gift import GIFT_ERRORS, DataGiftMutation
from schema.data_pool_share import DataPoolMutation
from schema.documents import DocumentGuard, Documents
from schema.guest_grant import GuestGrantRejected
from schema.guest_granting import GuestGrantMutation
from schema.household_errors import HOUSEHOLD_ERRORS
from schema.household_management import HouseholdMutation
from schema.internet import InternetMutation
from schema.introspection import IntrospectionAside
from schema.invitation import InvitationMutation
from schema.line_block import LINE_BLOCK_ERRORS, LineBlockMutation
from schema.link_request import LINK_REQUEST_ERRORS, LinkRequestMutation
from schema.login_change import LoginChangeMutation
from schema.number_link import LINK_ERRORS, NumberLinkMutation
from schema.ownership_transfer import OwnershipTransferMutation
from schema.payload import USER_ERRORS
from schema.payment import PayeeAmbiguous, PaymentMutation
from schema.payment_method_keeping import PaymentMethodMutation
from schema.promised_payment import PromisedPaymentMutation, PromisedPaymentUnavailable
from schema.query import Query
from schema.quote import QUOTE_ERRORS
from schema.recovery_channels import RecoveryChannelsMutation
from schema.refund import RefundMutation, RefundRejected
from schema.registration import RegistrationMutation
from schema.ringback import RINGBACK_ERRORS, RingbackMutation
from schema.scalars import scalar_map
from schema.service_connection import SERVICE_ERRORS, ServiceMutation
from schema.sign_in import SignInMutation
from schema.social import SocialMutation
from schema.subscription import Subscription
from schema.tariff import TARIFF_ERRORS, TariffMutation
from schema.ticket import RequestOpen, TicketMutation
from schema.usage_limit import LimitExceeded, OwnerToBeAsked, UsageLimitMutation
from schema.voucher import VoucherMutation, VoucherRejected
from schema.widget_token import WidgetTokenMutation

# What was asked for names no operation; transports that stream are told so as a result.
_NOT_OURS = (GraphQLError, CallerError, MissingQueryError, CannotGetOperationTypeError)

# Those that stand beside what they are about.
_MONEY_ERRORS = (PayeeAmbiguous, PromisedPaymentUnavailable, BalanceTooLow, VoucherRejected, RefundRejected)
_LIMIT_ERRORS = (LimitExceeded, OwnerToBeAsked, *APPROVAL_ERRORS, GuestGrantRejected, *GIFT_ERRORS)

_SERVICE_ERRORS = (*QUOTE_ERRORS, *SERVICE_ERRORS, *TARIFF_ERRORS, *RINGBACK_ERRORS, RequestOpen)

_HOUSEHOLD_ERRORS = (*HOUSEHOLD_ERRORS, *LINK_ERRORS, *LINK_REQUEST_ERRORS, *LINE_BLOCK_ERRORS)

_log = structlog.get_logger()


@strawberry.type(description="Everything that can be changed")
class Mutation(
    RegistrationMutation,
    AccountSecurityMutation,
    RecoveryChannelsMutation,
    LoginChangeMutation,
    ClosingMutation,
    WidgetTokenMutation,
    SignInMutation,
    SocialMutation,
    PaymentMutation,
    AutopayMutation,
    PaymentMethodMutation,
    PromisedPaymentMutation,
    BalancePaymentMutation,
    VoucherMutation,
    RefundMutation,
    LineBlockMutation,
    NumberLinkMutation,
    LinkRequestMutation,
    HouseholdMutation,
    InvitationMutation,
    OwnershipTransferMutation,
    UsageLimitMutation,
    ChildPolicyMutation,
    ApprovalMutation,
    GuestGrantMutation,
    ServiceMutation,
    TariffMutation,
    DataGiftMutation,
    DataPoolMutation,
    RingbackMutation,
    InternetMutation,
    TicketMutation,
):
    pass


class HearthSchema(strawberry.Schema):
    """Logs what it masks: the operation's name and the error, never arguments.

    Notes in the context when it was the database that did not answer, which masking would hide from the transport.
    """

    documents: Documents
    operations: Operations

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """As Strawberry's; a compiled operation that came before needs none of what Strawberry puts around it."""
        result = await self._run_compiled(query, variable_values, context_value, operation_name)
        if result is not None:
            return result
        return await super().execute(
            query,
            variable_values,
            context_value,
            root_value,
            operation_name,
            allowed_operation_types,
            operation_extensions,
        )

    async def _run_compiled(
        self, query: str | None, variables: dict[str, Any] | None, context: Any, operation_name: str | None
    ) -> ExecutionResult | None:
        """The answer of a compiled query that is at hand and within the limits; None for all else, and what fails."""
        prepared = self.documents.at_hand(query or "")
        if prepared is None:
            return None
        name, cost = prepared.named(operation_name)
        if cost is None or (costs := cost.of(variables or {})) > self.documents.limits.cost:
            return None
        ready = self.operations.ready(prepared.text, prepared.document, name, variables)
        if ready is None:
            return None
        try:
            result = await self.operations.run(ready, context)
        except SILENT:
            raise
        except Exception:
            context.start_anew()
            return None
        watch.is_operation(OperationType.QUERY.value, name)
        return ExecutionResult(result.data, None, self.documents.shown(costs))

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        for error in errors:
            context = execution_context.context if execution_context else None
            if isinstance(error.original_error, SILENT) and isinstance(context, Context):
                context.unanswered = True
            elif is_bug(error):
                operation = execution_context.operation_name if execution_context else None
                _log.error("operation failed", operation=operation, path=error.path, exc_info=error.original_error)


def is_bug(error: GraphQLError) -> bool:
    """Whether an error is ours: it came out of an exception that is not meant for the caller."""
    original = error.original_error
    return original is not None and not isinstance(original, _NOT_OURS)


def build_schema(
    limits: DocumentLimits | None = None,
    *,
    introspection: bool = False,
    show_cost: bool = False,
    compiled: bool = True,
    compile_after: int = 2,
) -> HearthSchema:
    """The schema with its extensions; the documents that it knows live as long as it does.

    Without `introspection` nothing tells what the schema holds, be it on purpose or as a hint in an error. Queries that
    come for the `compile_after`th time, and subscriptions with so many events, run `compiled`; where they do not,
    graphql-core's executor answers the same.
    """
    schema: HearthSchema
    compiling = [lambda: CompiledOperations(schema.operations, Context.start_anew, final=SILENT)]
    events = compiled_events(lambda: schema.operations, Context.start_anew, final=SILENT)
    aside = [lambda: IntrospectionAside(schema._schema)]
    schema = HearthSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=(*USER_ERRORS, *_MONEY_ERRORS, *_HOUSEHOLD_ERRORS, *_LIMIT_ERRORS, *_SERVICE_ERRORS),
        config=StrawberryConfig(scalar_map=scalar_map()),
        execution_context_class=events if compiled else None,
        extensions=[
            lambda: DocumentGuard(schema.documents),
            lambda: MaskErrors(should_mask_error=is_bug, error_message="Something went wrong on our side"),
            *(compiling if compiled else ()),
            *(aside if introspection else ()),
        ],
    )
    for type_ in schema._schema.type_map.values():
        # Strawberry checks @oneOf by itself and leaves graphql-core's mark out, which introspection and the SDL go by.
        definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if isinstance(type_, GraphQLInputObjectType) and getattr(definition, "is_one_of", False):
            type_.is_one_of = True
    schema.operations = Operations(schema, after=compile_after)
    schema.documents = Documents(
        schema._schema, limits or DocumentLimits(), introspection=introspection, show_cost=show_cost
    )
    return schema


def sdl() -> str:
    """The schema in GraphQL's own language, as `schema/schema.graphql` holds it."""
    return print_schema(build_schema()._schema) + "\n"
