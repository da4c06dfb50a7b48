"""What a service costs on a line now, or why it cannot be had there (F115): for a quote and for the change alike."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import quote_token
from auth.quote_token import Change
from auth.session import Viewer
from domain.catalogue import FeePeriod, ServiceCategory, ServiceRelationKind
from domain.fees import PERIODIC
from domain.ledger import personal
from domain.line_block_refusals import LineBlocked
from domain.money import Money
from domain.profile import Profile
from domain.quote import PriceQuote, priced
from domain.quote_refusals import Quoted
from domain.refusals import Forbidden, InputRejected, NotFound
from domain.service_price import Beginning, Kept, ServiceTerms, begins, bought_for_good, extended, goes_on
from domain.service_refusals import ServiceAlreadyActive, ServiceIncompatible
from domain.wording import Counted, Wording
from models.database import tx
from models.offering import sold_in
from services import ledger, service_row
from services.limit_alert import local_day
from services.service_row import Had, LineOf, Service

NOT_NOW = LineBlocked("The line does not work at the moment: services are connected when it does")

_NOT_SOLD = InputRejected("This service is not sold any more", ("serviceId",))
_NOT_HERE = InputRejected("This service is not sold where the line is", ("serviceId",))
_OTHER_KIND = InputRejected("This service is for lines of another kind", ("serviceId",))

# What the line lacks of what the service needs, and what it has that does not go with it, whichever of the two said so.
_THERE = f"""
select {sold_in("s", "l.locality")} as is_sold_there from line l, service s where l.id = $1 and s.id = $2
"""
_AGAINST = """
select r.kind, o.id, o.name from service_relation r join service o on o.id = r.other_id
where r.service_id = $2 and r.kind = 'REQUIRES' and not exists (
  select from service_subscription ss where ss.line_id = $1 and ss.service_id = o.id and ss.ended_at is null
    and (ss.valid_until is null or ss.valid_until > now()))
union all
select r.kind, o.id, o.name from service_relation r
join service o on o.id = case when r.service_id = $2 then r.other_id else r.service_id end
join service_subscription ss on ss.line_id = $1 and ss.service_id = o.id and ss.ended_at is null
  and (ss.valid_until is null or ss.valid_until > now())
where $2 in (r.service_id, r.other_id) and r.kind = 'INCOMPATIBLE'
order by 1, 2 limit 1
"""

_CONNECTION = Wording("Connection: {name}")
_SHORT = Wording("The balance does not hold what is due at once: {amount}")
_AFTER_TRIAL = Wording("After the free days {amount} is charged by itself, until the service is switched off")
_RENEWED = Wording("{amount} is charged again in each period, until the service is switched off")
_ENDS = Counted("It ends by itself after {days} day", "It ends by itself after {days} days", "days")
_PAID_FOR = Wording("It is paid for until {day}: nothing is charged before")
_PER_USE = Wording("{amount} is charged for each use")


@dataclass(frozen=True, slots=True)
class Offer:
    """A service as a line can have it now. `is_again`: the line has it, and buys more of it."""

    service: Service
    had: Had | None
    begins: Beginning
    quote: PriceQuote
    is_again: bool


Unavailable = NotFound | Forbidden | InputRejected | LineBlocked | ServiceAlreadyActive | ServiceIncompatible


def change(viewer: Viewer, line_id: int, service_id: int) -> Change:
    """What a quote's token is of: having this service on this line."""
    return Change(viewer.operator, viewer.user_id, line_id, named(service_id))


def named(service_id: int) -> str:
    """Having a service, as a quote's token names it."""
    return f"service:{service_id}"


async def quote(profile: Profile, secret: bytes, viewer: Viewer, line_id: int, service_id: int) -> Quoted | Unavailable:
    """The exact price of a service on a line; nothing is kept of it but what its token says."""

    async def work(connection: BaseDBAsyncClient) -> Quoted | Unavailable:
        line = await service_row.managed(connection, profile, viewer, line_id, viewer.access_level)
        if not isinstance(line, LineOf):
            return line
        found = await offer(connection, profile, line, service_id)
        if not isinstance(found, Offer):
            return found
        short = await is_short(connection, profile, line, found)
        return quote_token.sign(secret, change(viewer, line_id, service_id), warned(profile, found, short=short))

    return await tx(work)


async def offer(connection: BaseDBAsyncClient, profile: Profile, line: LineOf, service_id: int) -> Offer | Unavailable:
    """How the line can have the service now, or why not; neither its price nor what the line has of it changes then."""
    sold = await service_row.service(connection, profile, service_id)
    if sold is None:
        return service_row.NO_SERVICE
    if not line.works:
        return NOT_NOW
    if sold.archived:
        return _NOT_SOLD
    if sold.kind is not line.kind:
        return _OTHER_KIND
    [place] = await connection.execute_query_dict(_THERE, [line.id, sold.id])
    if not place["is_sold_there"]:
        return _NOT_HERE
    had = await service_row.had(connection, line.id, sold.id)
    is_again = had is not None and had.is_active(line.now)
    # What extends the internet can be bought while there is still some of it (F119).
    extends = sold.category is ServiceCategory.INTERNET_EXTENSION and sold.fee_period is FeePeriod.ONCE
    if is_again and not extends:
        return ServiceAlreadyActive()
    for against in await connection.execute_query_dict(_AGAINST, [line.id, sold.id]):
        kind = ServiceRelationKind(against["kind"])
        return ServiceIncompatible(sold.id, against["id"], kind, _pair(sold.name, against["name"], kind))
    beginning = await _beginning(connection, profile, line, sold, had, is_again=is_again)
    today = line.now.astimezone(profile.operator.zone).date()
    price = priced(beginning.lines, profile.operator.currency, today)
    return Offer(sold, had, beginning, price, is_again)


async def _beginning(
    connection: BaseDBAsyncClient, profile: Profile, line: LineOf, sold: Service, had: Had | None, *, is_again: bool
) -> Beginning:
    currency, zone = profile.operator.currency, profile.operator.zone
    terms = ServiceTerms(
        name=sold.name,
        fee=sold.fee,
        every=sold.fee_period,
        connection_fee=0 if is_again else sold.connection_fee,
        trial_days=None if is_again else await _trial_days(connection, profile, line, sold, had),
        valid_days=sold.valid_days,
    )
    if had is not None and not is_again and had.paid_until is not None and had.paid_until > line.now:
        return goes_on(terms, Kept(had.paid_until, had.valid_until, had.trial_ends_at), currency, line.now, zone)
    # A tone is not used up: whoever paid for it once has it again.
    if had is not None and sold.artist is not None and sold.fee_period is FeePeriod.ONCE:
        return bought_for_good(terms, currency)
    language = profile.operator.languages[0]
    new = begins(terms, currency, line.now, zone, _CONNECTION.text(language, name=sold.name))
    if had is None or not is_again:
        return new
    return replace(new, valid_until=extended(had.valid_until, new.valid_until, line.now))


async def _trial_days(
    connection: BaseDBAsyncClient, profile: Profile, line: LineOf, sold: Service, had: Had | None
) -> int | None:
    """The free days that are left to the line: once for each service, and once for all television (F129)."""
    if had is not None and had.trial_ends_at is not None:
        return None
    if sold.category is not ServiceCategory.TV:
        return sold.trial_days
    days = sold.trial_days or profile.services.tv_trial_days or None
    return None if days is None or await service_row.tried_tv(connection, line.id) else days


def _pair(name: str, other: str, kind: ServiceRelationKind) -> str:
    if kind is ServiceRelationKind.REQUIRES:
        return f"{name} needs {other}, which is not connected"
    return f"{name} does not go with {other}, which is connected"


async def is_short(connection: BaseDBAsyncClient, profile: Profile, line: LineOf, found: Offer) -> bool:
    """Whether the account does not hold what is due at once; its money stays as it is until the transaction ends."""
    if not found.quote.due_now.minor:
        return False
    funds = await ledger.lock_funds(connection, profile.operator.id, personal(line.account_id))
    spendable = 0 if funds is None else funds.spendable
    return spendable is not None and spendable < found.quote.due_now.minor


def warned(profile: Profile, found: Offer, *, short: bool = False) -> PriceQuote:
    """The price with what to know before saying yes; `short`: the account does not hold it."""
    return replace(found.quote, warnings=tuple(_warnings(profile, found, short=short)))


def _warnings(profile: Profile, found: Offer, *, short: bool) -> Iterator[str]:
    language, currency = profile.operator.languages[0], profile.operator.currency
    new, sold = found.begins, found.service
    fee = str(Money(sold.fee, currency))
    if short:
        yield _SHORT.text(language, amount=found.quote.due_now)
    if new.is_kept and new.trial_ends_at is None:
        until = new.next_charge_at or new.valid_until
        if until is not None:
            yield _PAID_FOR.text(language, day=until.astimezone(profile.operator.zone).strftime("%d.%m.%Y"))
    if new.trial_ends_at is not None and sold.fee:
        yield _AFTER_TRIAL.text(language, amount=fee)
    elif sold.fee and sold.fee_period in PERIODIC:
        yield _RENEWED.text(language, amount=fee)
    elif sold.fee and sold.fee_period is FeePeriod.PER_USE:
        yield _PER_USE.text(language, amount=fee)
    if sold.valid_days is not None and new.valid_until is not None:
        days = (new.valid_until.astimezone(profile.operator.zone).date() - local_day(profile)).days
        yield _ENDS.text(language, days=days)
