"""Whom a payment is for: a line or an account that the payer sees, or what somebody wrote down (F064, F065)."""

from dataclasses import dataclass
from typing import NamedTuple

from auth.sign_in import accepted_numbers
from domain.access import Scope
from domain.guest_grant import GuestGrantRejected
from domain.line import LineStatus
from domain.msisdn import mask, normalize
from domain.payment_refusals import PayeeAmbiguous
from domain.payment_rules import Payee
from domain.refusals import FeatureDisabled, Forbidden, InputRejected, NotFound, RateLimited
from domain.sign_in import LoginIdentifier
from loaders.visible import Account, Line
from models.reader import Statement
from resolvers import node_id
from resolvers.context import Context
from services import guest_grant, payment_search
from services.guest_grant import Guest

Refused = InputRejected | NotFound | FeatureDisabled | Forbidden | RateLimited | PayeeAmbiguous | GuestGrantRejected


@dataclass(frozen=True, slots=True)
class Wanted:
    """One of five ways to name a payee; exactly one is given."""

    line_id: str | None = None
    personal_account_id: str | None = None
    msisdn: str | None = None
    account_number: str | None = None
    guest: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An account of the operator's. `named` is what a receipt may say of it to anybody; `guest_id` the link that led
    there, whose uses are counted.
    """

    account_id: int
    line_id: int | None
    named: str
    is_seen: bool
    guest_id: int | None = None


class _Facts(NamedTuple):
    status: str
    cash_banned: bool
    contract_ended: bool


_FACTS = Statement(
    """
select a.status, a.cash_payments_banned, c.status = 'TERMINATED'
from personal_account a join contract c on c.id = a.contract_id where a.id = $1
""",
    _Facts,
)


async def find(context: Context, wanted: Wanted) -> Target | Refused:
    """The payee. Foreign and unknown ids are answered alike; a typed number is never guessed at (SPEC 4.5).

    Who typed many that are nobody's is searching: they are told nothing more of numbers for a while.
    """
    if wanted.msisdn is not None:
        return await _by_number(context, wanted.msisdn)
    if wanted.account_number is not None:
        return await _by_account_number(context, wanted.account_number)
    return await _seen(context, wanted)


async def _seen(context: Context, wanted: Wanted) -> Target | Refused:
    """What the viewer has to do with, by its id."""
    if wanted.line_id is not None:
        line = await _line(context, wanted.line_id)
        if line is None or not line.allows(Scope.PAY):
            return NotFound("There is no such line to pay for", ("target", "lineId"))
        named = mask(line.msisdn or line.service_point or "")
        return Target(line.account_id, line.id, named, is_seen=line.allows(Scope.VIEW))
    if wanted.personal_account_id is not None:
        account = await _account(context, wanted.personal_account_id)
        if account is None or not account.allows(Scope.PAY):
            return NotFound("There is no such account to pay into", ("target", "personalAccountId"))
        return Target(account.id, None, mask(account.number), is_seen=account.allows(Scope.VIEW))
    if wanted.guest is not None:
        return await _by_guest(context, wanted.guest)
    return InputRejected("Say for whom", ("target",))


def without_guest(found: Target | Refused) -> Target | Refused:
    """The payee of what is no top-up: a link for guests is good for those only."""
    if isinstance(found, Target) and found.guest_id is not None:
        return InputRejected("Through a link one pays with topUp", ("target", "guest"))
    return found


async def payee(context: Context, target: Target) -> Payee:
    """What the rules want to know of the payee, read now; whoever pays reads it again under lock."""
    facts = await context.reads.fetch_one(_FACTS, target.account_id)
    assert facts is not None, "accounts are never deleted"
    return Payee(target.account_id, LineStatus(facts.status), facts.contract_ended, facts.cash_banned, target.is_seen)


async def _by_guest(context: Context, token: str) -> Target | Refused:
    await context.reads.release()
    found = await guest_grant.find(context.profile, token, context.address)
    if not isinstance(found, Guest):
        return found
    if Scope.PAY not in found.scopes:
        return GuestGrantRejected()
    return Target(found.account_id, found.line_id, found.named, is_seen=False, guest_id=found.id)


async def _by_number(context: Context, typed: str) -> Target | Refused:
    field = ("target", "msisdn")
    if LoginIdentifier.MSISDN not in context.profile.payments.target_by:
        return FeatureDisabled("payments.target_by", "This operator is not paid by number", field)
    msisdn = normalize(typed, context.profile)
    if msisdn is None:
        return InputRejected(accepted_numbers(context.profile), field)
    await context.reads.release()
    user_id, operator = context.require_viewer().user_id, context.profile.operator.id
    found = await payment_search.by_number(user_id, operator, msisdn)
    if isinstance(found, RateLimited):
        return found
    accounts = [(each.account_id, each.line_id) for each in found if each.account_id is not None]
    if not accounts:
        return NotFound("This operator has no such number", field)
    if len(accounts) > 1:
        seen = [await context.loaders.account_by_id.load(account_id) for account_id, _ in accounts]
        return PayeeAmbiguous(tuple(account.id for account in seen if account is not None))
    [(account_id, line_id)] = accounts
    return await _target(context, account_id, line_id, mask(msisdn), field)


async def _by_account_number(context: Context, typed: str) -> Target | Refused:
    field, operator, number = ("target", "accountNumber"), context.profile.operator.id, typed.strip()
    if LoginIdentifier.ACCOUNT_NUMBER not in context.profile.payments.target_by:
        return FeatureDisabled("payments.target_by", "This operator is not paid by account number", field)
    if not number or "\0" in number:
        return InputRejected("Give the number of a personal account, as it stands on receipts", field)
    await context.reads.release()
    found = await payment_search.by_account_number(context.require_viewer().user_id, operator, number)
    if isinstance(found, RateLimited):
        return found
    if not found:
        return NotFound("This operator has no such account", field)
    account_id = found[0].account_id
    if account_id is None:
        hint = "This is the number of a contract; that of the personal account stands on receipts"
        return InputRejected(hint, field)
    return await _target(context, account_id, None, mask(number), field)


async def _target(
    context: Context, account_id: int, line_id: int | None, named: str, field: tuple[str, ...]
) -> Target | Refused:
    account = await context.loaders.account_by_id.load(account_id)
    if not context.profile.payments.top_up_others and (account is None or not account.allows(Scope.PAY)):
        return Forbidden("Other people's accounts are not paid into here", field)
    return Target(account_id, line_id, named, is_seen=account is not None and account.allows(Scope.VIEW))


async def _line(context: Context, global_id: str) -> Line | None:
    """A line of this cabinet's operator: what people see of another's is not paid for here."""
    named = node_id.decode(global_id)
    key = node_id.integer_key(named) if named is not None and named.type_name == "Line" else None
    line = None if key is None else await context.loaders.line_by_id.load(key)
    return line if line is not None and line.operator == context.profile.operator.id else None


async def _account(context: Context, global_id: str) -> Account | None:
    named = node_id.decode(global_id)
    key = node_id.integer_key(named) if named is not None and named.type_name == "PersonalAccount" else None
    account = None if key is None else await context.loaders.account_by_id.load(key)
    return account if account is not None and account.operator == context.profile.operator.id else None
