"""Documents: the receipts of payments that the viewer may see (F084)."""

from dataclasses import dataclass
from datetime import datetime

from auth import document_link
from auth.document_link import DocumentLink
from domain.document import DocumentKind
from domain.payment import PaymentStatus
from domain.receipt import name_of, number_of, title
from loaders.visible import Account
from resolvers import payment
from resolvers.context import Context
from resolvers.page import Edge, Page
from services.payment_row import PaymentRow

_WITH_RECEIPT = (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED)


@dataclass(frozen=True, slots=True)
class Document:
    """A document that the viewer may see; `id` names it among all kinds."""

    id: str
    operator: str
    kind: DocumentKind
    title: str
    issued_at: datetime
    account_id: int


def receipt(context: Context, paid: PaymentRow) -> Document | None:
    """The receipt of a payment that the viewer sees; None until the account was credited."""
    profile = context.profiles.get(paid.operator)
    if paid.completed_at is None or profile is None:
        return None
    return Document(
        id=name_of(paid.id),
        operator=paid.operator,
        kind=DocumentKind.RECEIPT,
        title=title(paid.id, profile.operator.languages[0]),
        issued_at=paid.completed_at,
        account_id=paid.account_id,
    )


def url(context: Context, document: Document) -> str | None:
    """Where the document is to be had for ten minutes; None where the server does not know its own address."""
    token = document_link.sign(context.secret, DocumentLink(document.operator, document.id))
    return f"{context.site}/documents/{token}" if context.site else None


async def receipts(context: Context, account: Account, first: int | None, after: str | None) -> Page[Document]:
    """The receipts of an account, newest first: of the payments in its history."""
    wanted = payment.Filter(status=_WITH_RECEIPT)
    found = await payment.account_payments(context, account, wanted, first, after)
    edges = [Edge(document, edge.key) for edge in found.edges if (document := receipt(context, edge.node)) is not None]
    return Page(edges, found.page_info, found.count)


async def by_name(context: Context, name: str) -> Document | None:
    """A document by its id."""
    number = number_of(name)
    found = None if number is None else await payment.by_id(context, number)
    return None if found is None else receipt(context, found)
