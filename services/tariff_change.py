"""Changing the tariff of a line at the exact price that was quoted (F104, F106, N7, E49).

Right, limits, money, subscription, packages and history are one transaction. Locks are taken in one order: the
line's changes, its subscription, its limits, its account's money.
"""

from dataclasses import dataclass
from uuid import uuid4

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import quote_token
from auth.quote_token import Change
from auth.session import Viewer
from domain.ledger import Transfer, TransferKind, personal
from domain.money import Money
from domain.payment_rules import check_key
from domain.profile import Profile
from domain.quote_refusals import PriceChanged, Quoted, QuoteRejected
from domain.refusals import IdempotencyConflict, InputRejected, RateLimited
from domain.tariff import Chosen, Named
from domain.tariff_refusals import NoTariffChangeAwaited, TariffRefusal
from domain.usage import ChargeType
from domain.usage_limit_refusals import ApprovalRequired, OwnerToBeAsked
from domain.wording import language_of
from models import audit
from models.database import tx
from models.usage import spent
from services import (
    approved_tariff,
    ledger,
    limit_alert,
    line_change,
    tariff_making,
    tariff_notice,
    tariff_offer,
    tariff_row,
)
from services.line_change import Named as NamedChange
from services.line_change import Repeated
from services.payment_entry import digest
from services.tariff_making import By
from services.tariff_offer import Offer
from services.tariff_row import LineHeld, NotHeld

_CANCEL = """
update tariff_subscription set pending_tariff_id = null, pending_configuration = null, pending_options_fee = null,
  pending_at = null, pending_by_id = null, pending_role = null, pending_staff = null, pending_charge = 0
where line_id = $1
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change as somebody asks for it at a quoted price.

    `tariff_id` is None where the line keeps its tariff; `chosen` is None where the quote says what was chosen.
    """

    key: str
    line_id: int
    tariff_id: int | None
    chosen: tuple[Chosen, ...] | None
    token: str


@dataclass(frozen=True, slots=True)
class TariffChanged:
    """The line's tariff is as it was asked to be, or will be with the next period."""

    line_id: int


Refused = (
    NotHeld
    | tariff_offer.Refused
    | tariff_making.Stopped
    | IdempotencyConflict
    | QuoteRejected
    | PriceChanged
    | ApprovalRequired
    | RateLimited
    | InputRejected
    | TariffRefusal
)


async def quote(
    profile: Profile, secret: bytes, viewer: Viewer, line_id: int, tariff_id: int, chosen: tuple[Chosen, ...]
) -> Quoted | Refused:
    """The exact price of a change, with a token that makes it at this price."""

    async def work(connection: BaseDBAsyncClient) -> Quoted | Refused:
        line = await tariff_row.hold(connection, profile, viewer, line_id, proven=False)
        if not isinstance(line, LineHeld):
            return line
        language = language_of(profile, viewer.language)
        made = await tariff_offer.offer(connection, profile, line, tariff_id, chosen, language)
        return _quoted(secret, viewer, made) if isinstance(made, Offer) else made

    return await tx(work)


async def change(profile: Profile, secret: bytes, viewer: Viewer, wanted: Wanted) -> TariffChanged | Refused:
    """Change the tariff, once for each key of the viewer's and once for each quote; for a child, the owner is asked."""
    offered = tariff_offer.off(profile, "tariffs.configure") if wanted.tariff_id is None else None
    if refused := offered or check_key(wanted.key):
        return refused
    told = quote_token.named(secret, wanted.token)
    named = NamedChange(
        viewer.user_id,
        wanted.line_id,
        wanted.key,
        digest("tariff", wanted.line_id, wanted.tariff_id, _told(wanted.chosen), wanted.token),
        told[1] if told is not None else None,
    )

    async def work(connection: BaseDBAsyncClient) -> TariffChanged | Refused:
        before = await line_change.before(connection, named)
        if isinstance(before, Repeated):
            return TariffChanged(wanted.line_id)
        if before is not None:
            return before
        line = await tariff_row.hold(connection, profile, viewer, wanted.line_id)
        if not isinstance(line, LineHeld):
            return line
        made = await _at_its_price(connection, profile, secret, viewer, line, wanted, told[0] if told else None)
        if not isinstance(made, Offer):
            return made
        if line.asks:
            return await approved_tariff.ask(connection, profile, made)
        by = By(viewer, line, approved=line.approved_by(viewer.user_id))
        event = await tariff_making.make(connection, profile, made, by, f"{named.quote}")
        if event is not None and not isinstance(event, int):
            return event
        await line_change.done(connection, named, event)
        return TariffChanged(line.id)

    return await tx(work)


async def cancel(profile: Profile, viewer: Viewer, key: str, line_id: int) -> TariffChanged | Refused:
    """Cancel a change that waits for the next period; what was paid for it is given back."""
    if refused := check_key(key):
        return refused
    named = NamedChange(viewer.user_id, line_id, key, digest("tariff cancelled", line_id))

    async def work(connection: BaseDBAsyncClient) -> TariffChanged | Refused:
        before = await line_change.before(connection, named)
        if isinstance(before, Repeated):
            return TariffChanged(line_id)
        if before is not None:
            return before
        line = await tariff_row.hold(connection, profile, viewer, line_id)
        if not isinstance(line, LineHeld):
            return line
        if line.asks:
            return OwnerToBeAsked()
        had = line.tariff
        if had is None or had.pending_at is None:
            return NoTariffChangeAwaited()
        await connection.execute_query(_CANCEL, [line.id])
        paid = Money(had.pending_charge, profile.operator.currency)
        if paid.minor:
            await _give_back(connection, profile, line, paid)
        by = By(viewer, line, approved=True)
        told = {"tariff": had.plan.name, "given_back": str(paid)}
        await audit.record(connection, viewer, "TARIFF_CHANGE_CANCELLED", by.about, **told)
        await tariff_notice.cancelled(connection, profile, line.id, had.plan.name, paid, by=viewer.user_id)
        await line_change.done(connection, named, None)
        return TariffChanged(line.id)

    return await tx(work)


async def _at_its_price(
    connection: BaseDBAsyncClient,
    profile: Profile,
    secret: bytes,
    viewer: Viewer,
    line: LineHeld,
    wanted: Wanted,
    told: Change | None,
) -> Offer | Refused:
    """The change that the token's quote was given for, where it still costs the same (E49)."""
    quoted = Named.read(told.what) if told is not None else None
    if told is None or quoted is None or told[:3] != (viewer.operator, viewer.user_id, line.id):
        return QuoteRejected()
    language = language_of(profile, viewer.language)
    chosen = quoted.chosen if wanted.chosen is None else wanted.chosen
    made = await tariff_offer.offer(connection, profile, line, wanted.tariff_id, chosen, language)
    if isinstance(made, InputRejected) and wanted.chosen is None:
        # Another version of the tariff has other options; its price is told without any of them.
        made = await tariff_offer.offer(connection, profile, line, wanted.tariff_id, (), language)
    if not isinstance(made, Offer):
        return made
    if made.what == told.what:
        offered = quote_token.read(secret, told, wanted.token)
        if offered is None:
            return QuoteRejected()
        return made if offered.price == made.quote.price else PriceChanged(_quoted(secret, viewer, made))
    # A version that replaces the quoted one costs what it costs; another tariff was never quoted.
    current = await tariff_row.sold(connection, profile, quoted.tariff_id, line)
    replaced = getattr(current, "id", None) == made.plan.id != quoted.tariff_id
    return PriceChanged(_quoted(secret, viewer, made)) if replaced else QuoteRejected()


def _told(chosen: tuple[Chosen, ...] | None) -> list[str] | None:
    """What was chosen, in whichever order it was told."""
    return None if chosen is None else sorted(f"{unit}={value.normalize()}" for unit, value in chosen)


def _quoted(secret: bytes, viewer: Viewer, made: Offer) -> Quoted:
    of = Change(viewer.operator, viewer.user_id, made.line.id, made.what)
    return quote_token.sign(secret, of, made.quote)


async def _give_back(connection: BaseDBAsyncClient, profile: Profile, line: LineHeld, paid: Money) -> None:
    """Give back what was paid for a change that will not be; it was cleared from the row, so it is given back once."""
    account = personal(line.account_id)
    key = f"fee:tariff-cancelled:{uuid4()}"
    await ledger.post(
        connection, Transfer.between(profile.operator.id, TransferKind.FEE, key, tariff_making.REVENUE, account, paid)
    )
    day = limit_alert.local_day(profile)
    await spent(connection, line.id, day, ChargeType.SUBSCRIPTION_FEE, -paid.minor)
