"""A tone as a present to another number (F127).

The giver's line pays for one whole period, once. The number that it is given to has the tone until that ends, pays
nothing then or after, and nobody hears it before its user sets it, which is free: so no present changes what somebody's
callers hear against their will, and none becomes a subscription.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import Scope
from domain.catalogue import FeePeriod, ServiceAction
from domain.child_policy import UseKind, Wish
from domain.fees import PERIODIC, next_day, period_from
from domain.ledger import InsufficientFunds, LedgerAccountKind, LedgerAccountName, Transfer, TransferKind, personal
from domain.line import LineStatus, ServiceKind
from domain.money import Money
from domain.msisdn import mask, normalize
from domain.payment_rules import check_key
from domain.profile import Profile
from domain.quote import once
from domain.refusals import InputRejected, RateLimited
from domain.ringback_refusals import RingbackUnpaid, ToneNotTaken
from domain.usage import ChargeType
from domain.usage_limit import Use
from domain.usage_limit_refusals import ApprovalRequired, ApprovedPriceChanged
from domain.wording import Wording, language_of
from models import audit, counter, outbox
from models.audit import Actor, TheUser
from models.database import tx
from models.usage import spent
from services import (
    approval,
    ledger,
    limit_alert,
    line_change,
    ringback_subscription,
    service_history,
    serviced_line,
    usage_limit,
)
from services.approval import Agreed, Asked, Question, Stopped
from services.line_change import Named, Repeated
from services.payment_entry import digest
from services.ringback import NO_TONE, Refused, off, stopped
from services.service_history import By
from services.service_row import Service
from services.serviced_line import Serviced

ACTION = "GIFT_RINGBACK_TONE"
MOST_A_DAY = 20
"""How many numbers one user tries in a day: each answer tells something of a number."""

_DAY = 86_400
_REVENUE = LedgerAccountName(LedgerAccountKind.REVENUE)
# It is given away, and it is a service.
_NEEDS = frozenset({Scope.SERVICES, Scope.TRANSFER})

_GIVEN = Wording(
    "{operator}: {giver} gives you the tone {tone}, until {until}. Set it in the cabinet and your callers hear it; "
    "you pay nothing."
)
_GIVEN_FOR_GOOD = Wording(
    "{operator}: {giver} gives you the tone {tone}. Set it in the cabinet and your callers hear it; you pay nothing."
)

_RECEIVER = """
select l.id, l.account_id, l.kind, l.status, l.user_id, l.msisdn, u.language
from line l left join app_user u on u.id = l.user_id where l.operator = $1 and l.msisdn = $2
"""
_HAS = """
select id from service_subscription where line_id = $1 and service_id = $2 and ended_at is null
  and (valid_until is null or valid_until > now()) for no key update
"""
_GIVE = """
insert into service_subscription (line_id, service_id, since, connected_by_id, valid_until)
values ($1, $2, now(), $3, $4)
on conflict (line_id, service_id) do update set since = now(), connected_by_id = $3, valid_until = $4, ended_at = null,
  unpaid_since = null, charge_day = null, next_charge_at = null, paid_until = null
"""
_NOW = "select now() as now"


@dataclass(frozen=True, slots=True)
class GiftWanted:
    """A present as somebody typed it."""

    key: str
    from_line_id: int
    to_msisdn: str
    tone_id: int


@dataclass(frozen=True, slots=True)
class GiftGiven:
    """It is paid for, and the other number has it."""


async def give(profile: Profile, viewer: Viewer, wanted: GiftWanted) -> GiftGiven | Refused:
    """Give a tone to a number of the operator's; the giver's line pays its price and one period, once."""
    if refused := off(profile, "services.ringback_gift") or check_key(wanted.key):
        return refused
    number = normalize(wanted.to_msisdn, profile)
    if number is None:
        return InputRejected("A number is written in full, such as +79031234567", ("toMsisdn",))
    same = digest(ACTION, wanted.from_line_id, number, wanted.tone_id)
    named = Named(viewer.user_id, wanted.from_line_id, wanted.key, same)

    async def work(connection: BaseDBAsyncClient) -> GiftGiven | Refused:
        line = await serviced_line.to_put_on(
            connection, profile, viewer, wanted.from_line_id, needs=_NEEDS, field="fromLineId"
        )
        if not isinstance(line, Serviced):
            return line
        before = await line_change.before(connection, named)
        if before is not None:
            return GiftGiven() if isinstance(before, Repeated) else before
        count, ends_at = await counter.count(connection, f"ringback_gift:{viewer.user_id}", _DAY, MOST_A_DAY)
        if count > MOST_A_DAY:
            return RateLimited(ends_at, "Too many presents today; try again later", ("toMsisdn",))
        gift = await _possible(connection, profile, line, number, wanted.tone_id)
        if not isinstance(gift, _Gift):
            return gift
        if line.asks is not None:
            question = _question(profile, line, gift)
            asked = await approval.ask(connection, profile, line.asks, question)
            return ApprovalRequired(asked.approval_id) if isinstance(asked, Asked) else asked
        if refused := await _pay(connection, profile, line, gift, f"{viewer.user_id}:{wanted.key}"):
            return refused
        await _hand_over(connection, profile, viewer, line, gift)
        await line_change.done(connection, named, None)
        return GiftGiven()

    return await tx(work)


async def do_give(connection: BaseDBAsyncClient, profile: Profile, agreed: Agreed) -> Stopped | None:
    """Give what the owner agreed to, in the owner's transaction."""
    await line_change.alone(connection, agreed.line_id)
    line = await serviced_line.of_child(connection, profile, agreed.line_id, agreed.child_id)
    if not isinstance(line, Serviced):
        return stopped(line)
    gift = await _possible(connection, profile, line, agreed.subject["to"], agreed.subject["tone"])
    if not isinstance(gift, _Gift):
        return stopped(gift)
    if gift.price != agreed.price:
        return ApprovedPriceChanged()
    if refused := await _pay(connection, profile, line, gift, f"approval:{agreed.approval_id}"):
        return stopped(refused)
    await _hand_over(connection, profile, TheUser(profile.operator.id, agreed.child_id), line, gift)
    return None


@dataclass(frozen=True, slots=True)
class _Gift:
    tone: Service
    price: Money
    until: datetime | None
    to_line: int
    to_user: int | None
    to_number: str
    to_language: str | None


async def _possible(
    connection: BaseDBAsyncClient, profile: Profile, line: Serviced, number: str, tone_id: int
) -> _Gift | Refused:
    """What would be given, where nothing stands against it on either side."""
    tone = await ringback_subscription.tone(connection, profile, tone_id, line.line_id)
    if tone is None or line.of.kind is not ServiceKind.MOBILE or tone.fee_period is FeePeriod.PER_USE:
        return NO_TONE
    if number == line.of.msisdn:
        return InputRejected("This is the number that gives; set the tone instead", ("toMsisdn",))
    rows = await connection.execute_query_dict(_RECEIVER, [profile.operator.id, number])
    if not rows or rows[0]["status"] != LineStatus.ACTIVE or rows[0]["kind"] != tone.kind:
        return ToneNotTaken()
    [to] = rows
    # Two who give to each other at once wait for each other, and `tx` runs one of them again.
    await line_change.alone(connection, to["id"])
    if await connection.execute_query_dict(_HAS, [to["id"], tone.id]):
        return ToneNotTaken()
    wish = Wish(UseKind.SERVICE, category=tone.category, age_rating=tone.age_rating, approved=True)
    if await usage_limit.may_spend(connection, profile, to["id"], wish):
        return ToneNotTaken()
    price = Money(tone.fee + tone.connection_fee, profile.operator.currency)
    wish = replace(wish, use=Use(price=price.minor), approved=line.is_agreed or line.asks is not None)
    if beyond := await usage_limit.may_spend(connection, profile, line.line_id, wish):
        return beyond
    [moment] = await connection.execute_query_dict(_NOW)
    return _Gift(
        tone=tone,
        price=price,
        until=_until(tone.fee_period, moment["now"], profile),
        to_line=to["id"],
        to_user=to["user_id"],
        to_number=to["msisdn"],
        to_language=to["language"],
    )


def _until(every: FeePeriod, now: datetime, profile: Profile) -> datetime | None:
    """When the period ends that is given: what is left of today is not a part of it. None: it is for good."""
    if every not in PERIODIC:
        return None
    zone = profile.operator.zone
    begins = next_day(now, zone)
    return period_from(begins, every, begins.astimezone(zone).day, zone).end


def _question(profile: Profile, line: Serviced, gift: _Gift) -> Question:
    return Question(
        line_id=line.line_id,
        scope=Scope.TRANSFER,
        action=ACTION,
        title=f"{gift.tone.title}: {gift.price} → {mask(gift.to_number)}",
        subject={"to": gift.to_number, "tone": gift.tone.id},
        subject_key=digest(ACTION, gift.to_number, gift.tone.id),
        price=gift.price,
        quote=once(gift.tone.title, gift.price),
    )


async def _pay(
    connection: BaseDBAsyncClient, profile: Profile, line: Serviced, gift: _Gift, name: str
) -> RingbackUnpaid | None:
    if not gift.price.minor:
        return None
    key = f"ringback_gift:{name}"
    operator = profile.operator.id
    wanted = Transfer.between(operator, TransferKind.FEE, key, personal(line.of.account_id), _REVENUE, gift.price)
    if isinstance(await ledger.post(connection, wanted), InsufficientFunds):
        return RingbackUnpaid(gift.price)
    await spent(connection, line.line_id, limit_alert.local_day(profile), ChargeType.GIFT, gift.price.minor)
    await limit_alert.look(connection, profile, line.line_id)
    return None


async def _hand_over(
    connection: BaseDBAsyncClient, profile: Profile, actor: Actor, line: Serviced, gift: _Gift
) -> None:
    await connection.execute_query(_GIVE, [gift.to_line, gift.tone.id, actor.user_id, gift.until])
    by = By(actor, None)
    await service_history.note(connection, gift.to_line, gift.tone.id, ServiceAction.CONNECT, by=by)
    told = {"tone": gift.tone.title, "amount": str(gift.price), "target": mask(gift.to_number)}
    await audit.record(connection, actor, "RINGBACK_TONE_GIVEN", line.about, **told)
    language = language_of(profile, gift.to_language)
    values = {"operator": profile.operator.name, "giver": mask(line.of.msisdn or ""), "tone": gift.tone.title}
    if gift.until is None:
        text = _GIVEN_FOR_GOOD.text(language, **values)
    else:
        until = gift.until.astimezone(profile.operator.zone)
        text = _GIVEN.text(language, until=f"{until:%d.%m.%Y %H:%M}", **values)
    await outbox.enqueue(connection, profile.operator.id, "sms", {"to": gift.to_number, "text": text})
