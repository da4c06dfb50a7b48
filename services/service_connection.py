"""Switching services on, at exactly the price that was quoted (F112, F119, F129, N7): charge, subscription, packages
and history in one transaction.

Everything is decided before anything is written. Locks in their order: the line's changes, the catalogue's row, the
subscription, the limits, the account's money.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import quote_token
from auth.session import Viewer
from domain.access import AccessLevel, Scope, needs_approval
from domain.catalogue import FeePeriod, ServiceAction, ServiceCategory
from domain.child_policy import UseKind, Wish
from domain.features import feature
from domain.fees import PERIODIC, Charging, Sold
from domain.ledger import LedgerAccountKind, LedgerAccountName, Posted, Transfer, TransferKind, personal
from domain.money import Money
from domain.payment_rules import check_key
from domain.profile import Profile
from domain.quote_refusals import PriceChanged, QuoteRejected
from domain.refusals import FeatureDisabled, IdempotencyConflict, InputRejected, RateLimited
from domain.ringback import STATUS_MESSAGE
from domain.service_refusals import ServiceAlreadyActive, ServiceUnpaid, TrialUsed
from domain.sim import CooldownActive, cooldown
from domain.usage import ChargeType
from domain.usage_limit import Use
from domain.usage_limit_refusals import ApprovalRequired, ApprovedPriceChanged, LimitExceeded, OwnerToBeAsked
from models import audit
from models.audit import About, TheUser
from models.database import tx
from models.notify import notify
from models.usage import spent
from services import (
    approval,
    fees,
    ledger,
    limit_alert,
    line_change,
    package_fill,
    payment_entry,
    service_history,
    service_notice,
    service_offer,
    service_row,
    usage_limit,
)
from services.approval import Agreed, Asked, Question
from services.line_change import Named, Repeated
from services.service_history import By
from services.service_offer import Offer, Unavailable
from services.service_row import LineOf, Service

ACTION = "CONNECT_SERVICE"
"""What a child asks for when it wants a service."""

NOTICE_DAYS = 3
"""How many days before their end people are told of free days."""

_REVENUE = LedgerAccountName(LedgerAccountKind.REVENUE)
_NO_TOKEN = InputRejected("Ask for the price with `quoteService`, and hand in its token", ("quoteToken",))
_NOT_AN_EXTENSION = InputRejected("This service does not extend the internet", ("serviceId",))
_SET_THE_TONE = InputRejected(
    "A tone is set for callers, and paid for with that: use `setRingbackTone`", ("serviceId",)
)
_SET_THE_WORDS = InputRejected("What callers read is paid for when it is set: use `setStatusMessage`", ("serviceId",))
_NOT_TV = InputRejected("This service is not television", ("serviceId",))

# A line has one row for a service for ever; the trial that it had once stays written in it.
_BEGIN = """
insert into service_subscription as ss (line_id, service_id, since, valid_until, trial_ends_at, trial_step_at,
  next_charge_at, connected_by_id)
values ($1, $2, now(), $3, $4, $5, $6, $7)
on conflict (line_id, service_id) do update set
  since = excluded.since, valid_until = excluded.valid_until,
  trial_ends_at = coalesce(excluded.trial_ends_at, ss.trial_ends_at), trial_step_at = excluded.trial_step_at,
  next_charge_at = excluded.next_charge_at, connected_by_id = excluded.connected_by_id,
  unpaid_since = null, ended_at = null, paid_until = null
returning id
"""
_AGAIN = "update service_subscription set valid_until = $2 where id = $1"
_PAID_UNTIL = "select least(next_charge_at, valid_until) as until from service_subscription where id = $1"


@dataclass(frozen=True, slots=True)
class ServiceWanted:
    """A service that somebody wants: `key` is their name for it, `token` their quote's. `extends`: only one that
    extends the internet will do.
    """

    key: str
    line_id: int
    service_id: int
    token: str | None
    extends: bool = False


@dataclass(frozen=True, slots=True)
class ServiceConnected:
    """The line has the service."""

    subscription_id: int


Refused = (
    FeatureDisabled
    | IdempotencyConflict
    | QuoteRejected
    | PriceChanged
    | CooldownActive
    | ServiceUnpaid
    | TrialUsed
    | LimitExceeded
    | OwnerToBeAsked
    | ApprovalRequired
    | RateLimited
    | Unavailable
)


async def connect(profile: Profile, secret: bytes, viewer: Viewer, wanted: ServiceWanted) -> ServiceConnected | Refused:
    """Switch a service on, once for each key of the viewer's; a child's owner is asked first (F053).

    A refusal changes nothing. What somebody has bought stays theirs when it is repeated, whatever was quoted since.
    """
    if refused := check_key(wanted.key):
        return refused
    if wanted.extends and not (flag := feature(profile, "internet.speed_extension")).enabled:
        return FeatureDisabled(flag.key, flag.reason or "")
    if wanted.token is None and profile.services.require_quote_token:
        return _NO_TOKEN
    change = service_offer.change(viewer, wanted.line_id, wanted.service_id)
    offered = None if wanted.token is None else quote_token.read(secret, change, wanted.token)
    asked = payment_entry.digest(ACTION, wanted.line_id, wanted.service_id, wanted.extends)
    quote = None if offered is None else offered.quote
    named = Named(viewer.user_id, wanted.line_id, wanted.key, asked, quote)

    async def work(connection: BaseDBAsyncClient) -> ServiceConnected | Refused:
        before = await line_change.before(connection, named)
        if isinstance(before, Repeated):
            return ServiceConnected(before.result or 0)
        if before is not None:
            return before
        found = await _offered(connection, profile, viewer, wanted.line_id, wanted.service_id)
        if not isinstance(found, _Found):
            return found
        if wanted.extends and found.offer.service.category is not ServiceCategory.INTERNET_EXTENSION:
            return _NOT_AN_EXTENSION
        if elsewhere := _bought_elsewhere(profile, found.offer.service):
            return elsewhere
        if wanted.token is not None and offered is None:
            return QuoteRejected()
        if offered is not None and offered.price != found.offer.quote.price:
            return PriceChanged(quote_token.sign(secret, change, found.offer.quote))
        return await _buy(connection, profile, viewer, named, found)

    return await tx(work)


async def try_tv(profile: Profile, viewer: Viewer, line_id: int, service_id: int) -> ServiceConnected | Refused:
    """Begin the free days of television on a line, which it has once (F129); again while they run changes nothing."""
    if not (flag := feature(profile, "services.tv_trial")).enabled:
        return FeatureDisabled(flag.key, flag.reason or "")
    named = Named(viewer.user_id, line_id, f"trial {uuid4()}", payment_entry.digest(ACTION, line_id, service_id))

    async def work(connection: BaseDBAsyncClient) -> ServiceConnected | Refused:
        await line_change.before(connection, named)
        found = await _offered(connection, profile, viewer, line_id, service_id)
        if isinstance(found, ServiceAlreadyActive):
            had = await service_row.had(connection, line_id, service_id)
            ends_at = None if had is None else had.trial_ends_at
            runs = ends_at is not None and ends_at > datetime.now(UTC)
            return ServiceConnected(had.id) if had is not None and runs else found
        if not isinstance(found, _Found):
            return found
        if found.offer.service.category is not ServiceCategory.TV:
            return _NOT_TV
        if found.offer.begins.trial_ends_at is None or found.offer.begins.price:
            return TrialUsed()
        return await _buy(connection, profile, viewer, named, found)

    return await tx(work)


async def connect_agreed(
    connection: BaseDBAsyncClient, profile: Profile, agreed: Agreed
) -> "ServiceConnected | ApprovedPriceChanged | ServiceUnpaid | LimitExceeded | Unavailable":
    """Switch on what the owner agreed to, in the owner's transaction: at that price, or not at all (I14)."""
    child = TheUser(profile.operator.id, agreed.child_id)
    service_id: int = agreed.subject["service_id"]
    # Nobody types a key with a space.
    named = Named(agreed.child_id, agreed.line_id, f"approval {agreed.approval_id}", f"{service_id}")
    await line_change.before(connection, named)
    line = await service_row.managed(connection, profile, child, agreed.line_id, AccessLevel.FULL)
    if not isinstance(line, LineOf):
        return line
    offer = await service_offer.offer(connection, profile, line, service_id)
    if not isinstance(offer, Offer):
        return offer
    # The days of the first month move on while the owner thinks.
    if agreed.price != offer.quote.due_now or agreed.subject["monthly"] != offer.quote.monthly.minor:
        return ApprovedPriceChanged()
    against = await beyond(connection, profile, line, offer, None)
    assert not isinstance(against, OwnerToBeAsked), "the owner has agreed"
    if against is not None:
        return against
    made = await make(connection, profile, line, offer, line.by(child))
    await line_change.done(connection, named, made)
    return ServiceConnected(made)


def _bought_elsewhere(profile: Profile, service: Service) -> InputRejected | None:
    """Where to buy what is of no use by itself: nobody hears a tone that is not set, or reads words that are not."""
    if service.artist is not None:
        return _SET_THE_TONE
    is_status = service.code == STATUS_MESSAGE and profile.services.status_message
    return _SET_THE_WORDS if is_status else None


@dataclass(frozen=True, slots=True)
class _Found:
    line: LineOf
    offer: Offer


async def _offered(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, line_id: int, service_id: int
) -> "_Found | CooldownActive | Unavailable":
    """The line, where the viewer has SERVICES over it and its SIM is not too new, and how it can have the service."""
    line = await service_row.managed(connection, profile, viewer, line_id, viewer.access_level)
    if not isinstance(line, LineOf):
        return line
    if too_new := cooldown(profile, line.sim_changed_at, line.now):
        return too_new
    offer = await service_offer.offer(connection, profile, line, service_id)
    return _Found(line, offer) if isinstance(offer, Offer) else offer


async def _buy(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, named: Named, found: _Found
) -> "ServiceConnected | LimitExceeded | OwnerToBeAsked | ApprovalRequired | ServiceUnpaid | RateLimited":
    line, offer = found.line, found.offer
    against = await beyond(connection, profile, line, offer, viewer.user_id)
    if isinstance(against, OwnerToBeAsked) and line.child is not None and line.asks(viewer.user_id):
        asked = await approval.ask(connection, profile, line.child, _question(profile, line, offer))
        return ApprovalRequired(asked.approval_id) if isinstance(asked, Asked) else asked
    if against is not None:
        return against
    if line.child is None and needs_approval(line.standing, Scope.SERVICES):
        # A child whose household has nobody to answer at the moment.
        return OwnerToBeAsked()
    made = await make(connection, profile, line, offer, line.by(viewer))
    await line_change.done(connection, named, made)
    return ServiceConnected(made)


async def beyond(
    connection: BaseDBAsyncClient, profile: Profile, line: LineOf, offer: Offer, user_id: int | None
) -> LimitExceeded | OwnerToBeAsked | ServiceUnpaid | None:
    """What the limits of the line, what is said of a child's, and the account's money say to it; the locks stay.

    `user_id` is None for what the owner has agreed to, and the owner asks nobody. What cannot be paid is not asked for.
    """
    service, due = offer.service, offer.quote.due_now
    is_owner = line.child is not None and line.child.owner_id == user_id
    wish = Wish(
        UseKind.SERVICE,
        Use(price=due.minor),
        category=service.category,
        age_rating=service.age_rating,
        scope=Scope.SERVICES if user_id is not None and line.asks(user_id) else None,
        approved=user_id is None or is_owner,
    )
    against = await usage_limit.may_spend(connection, profile, line.id, wish)
    if isinstance(against, LimitExceeded):
        return against
    return ServiceUnpaid(due) if await service_offer.is_short(connection, profile, line, offer) else against


def _question(profile: Profile, line: LineOf, offer: Offer) -> Question:
    quote, service = offer.quote, offer.service
    price = f"{quote.due_now}" if quote.due_now.minor or not quote.monthly.minor else f"0, {quote.monthly}"
    return Question(
        line_id=line.id,
        scope=Scope.SERVICES,
        action=ACTION,
        title=f"{service.name[:150]} ({price})",
        subject={"service_id": service.id, "monthly": quote.monthly.minor},
        subject_key=payment_entry.digest(ACTION, service.id, quote.monthly.minor),
        price=quote.due_now,
        quote=service_offer.warned(profile, offer),
        what=service_offer.named(service.id),
    )


async def make(connection: BaseDBAsyncClient, profile: Profile, line: LineOf, offer: Offer, by: By) -> int:
    """Do it: nothing stands against it any more. Gives the subscription."""
    service, new = offer.service, offer.begins
    if offer.is_again and offer.had is not None:
        subscription_id, action = offer.had.id, ServiceAction.EXTEND
        await connection.execute_query(_AGAIN, [subscription_id, new.valid_until])
    else:
        action = ServiceAction.CONNECT if new.trial_ends_at is None or new.is_kept else ServiceAction.TRIAL_START
        subscription_id = await _begin(connection, line, offer, by)
    event_id = await service_history.note(connection, line.id, service.id, action, charge=new.price, by=by)
    await _charge(connection, profile, line, offer, subscription_id, event_id)
    # The first fee of a period fills by itself what it pays for.
    if not new.is_kept and not new.fee:
        # What is bought once, and lasts, can be used as long as there is some of it.
        [row] = await connection.execute_query_dict(_PAID_UNTIL, [subscription_id])
        until = row["until"] if service.fee_period is not FeePeriod.ONCE else new.valid_until
        await package_fill.extend_service(connection, line.id, service.id, until)
    price = str(Money(new.price, profile.operator.currency))
    subject_id = line.user_id if line.user_id != by.actor.user_id else None
    about = About(line_id=line.id, subject_id=subject_id, role=by.role)
    await audit.record(connection, by.actor, "SERVICE_CONNECTED", about, service=service.name, charge=price)
    if line.user_id != by.actor.user_id:
        await service_notice.connected(connection, profile, line.id, service.name)
    await limit_alert.look(connection, profile, line.id)
    await notify(connection, f"services:{line.id}")
    return subscription_id


async def _begin(connection: BaseDBAsyncClient, line: LineOf, offer: Offer, by: By) -> int:
    new = offer.begins
    step = None
    if new.trial_ends_at is not None:
        told = new.trial_ends_at - timedelta(days=NOTICE_DAYS)
        step = told if told > line.now else new.trial_ends_at
    columns = [new.valid_until, new.trial_ends_at, step, new.next_charge_at, by.actor.user_id]
    [row] = await connection.execute_query_dict(_BEGIN, [line.id, offer.service.id, *columns])
    subscription_id: int = row["id"]
    return subscription_id


async def _charge(
    connection: BaseDBAsyncClient, profile: Profile, line: LineOf, offer: Offer, subscription_id: int, event_id: int
) -> None:
    """Charge what is due now; that the account holds it was seen under lock."""
    operator, new = profile.operator, offer.begins
    if new.once:
        price, key = Money(new.once, operator.currency), f"service_event:{event_id}"
        transfer = Transfer.between(operator.id, TransferKind.FEE, key, personal(line.account_id), _REVENUE, price)
        posted = await ledger.post(connection, transfer)
        assert isinstance(posted, Posted), "the account holds it, and an event is charged once"
        await spent(connection, line.id, limit_alert.local_day(profile), ChargeType.SERVICE_FEE, new.once)
    if not new.is_kept and new.next_charge_at is None and offer.service.fee_period in PERIODIC:
        charged = await fees.begin(connection, profile, Sold.SERVICE, subscription_id)
        assert charged is Charging.PAID, "the account holds it"
