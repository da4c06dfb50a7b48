"""Refetching by global id: unknown, foreign and malformed ids are answered alike, with null (DESIGN 4)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from domain.access import sees_links
from resolvers import (
    account_security,
    approval,
    audit_log,
    autopay,
    bundle,
    contract,
    document,
    guest_grant,
    internet,
    invitation,
    link_request,
    node_id,
    number_link,
    payment,
    payment_method,
    service_connection,
    service_history,
    tariff_history,
    ticket,
    usage_limit,
    viewer,
)
from resolvers.context import Context
from resolvers.errors import invalid_input
from resolvers.operator import operator

MOST_NODES = 100


async def node(context: Context, global_id: str) -> object | None:
    """The object of a global id, if there is one and the viewer may see it."""
    wanted = node_id.decode(global_id)
    if wanted is None:
        return None
    if wanted.type_name == "Operator":
        profile = context.profiles.get(wanted.key)
        return operator(profile) if profile is context.profile else None
    if wanted.type_name == "Document":
        return await document.by_name(context, wanted.key)
    find = _FINDERS.get(wanted.type_name)
    key = node_id.integer_key(wanted)
    return None if find is None or key is None else await find(context, key)


async def nodes(context: Context, global_ids: Sequence[str]) -> list[object | None]:
    """The objects of up to 100 global ids, in their order."""
    if len(global_ids) > MOST_NODES:
        raise invalid_input(f"`ids` must be at most {MOST_NODES}")
    return list(await asyncio.gather(*(node(context, global_id) for global_id in global_ids)))


async def _viewer(context: Context, key: int) -> object | None:
    caller = context.viewer
    return caller if caller is not None and caller.user_id == key else None


async def _user(context: Context, key: int) -> object | None:
    caller = await _viewer(context, key)
    return None if caller is None else viewer.user(context.require_viewer())


async def _line(context: Context, key: int) -> object | None:
    return await context.loaders.line_by_id.load(key)


async def _account(context: Context, key: int) -> object | None:
    return await context.loaders.account_by_id.load(key)


async def _contract(context: Context, key: int) -> object | None:
    return await contract.by_id(context, key)


async def _household(context: Context, key: int) -> object | None:
    if context.viewer is None:
        return None
    households = await viewer.households(context, context.viewer)
    return next((household for household in households if household.id == key), None)


async def _member(context: Context, key: int) -> object | None:
    if context.viewer is None:
        return None
    households = await viewer.households(context, context.viewer)
    return next((member for household in households for member in household.members if member.id == key), None)


async def _invitation(context: Context, key: int) -> object | None:
    if context.viewer is None:
        return None
    households = await viewer.households(context, context.viewer)
    sent = await context.loaders.invitations_by_household_id.load_many([household.id for household in households])
    known = [each for found in sent for each in found] + await invitation.mine(context)
    return next((each for each in known if each.id == key), None)


async def _ownership_transfer(context: Context, key: int) -> object | None:
    if context.viewer is None:
        return None
    households = await viewer.households(context, context.viewer)
    found = await context.loaders.transfer_by_household_id.load_many([household.id for household in households])
    return next((transfer for transfer in found if transfer is not None and transfer.id == key), None)


async def _tariff(context: Context, key: int) -> object | None:
    return await context.loaders.tariff_by_id.load(key)


async def _service(context: Context, key: int) -> object | None:
    return await context.loaders.service_by_id.load(key)


async def _bundle(context: Context, key: int) -> object | None:
    return await bundle.by_id(context, key)


async def _ringback_tone(context: Context, key: int) -> object | None:
    return await context.loaders.ringback_tone_by_id.load(key)


async def _service_subscription(context: Context, key: int) -> object | None:
    return await service_connection.by_id(context, key)


async def _service_event(context: Context, key: int) -> object | None:
    return await service_history.by_id(context, key)


async def _payment(context: Context, key: int) -> object | None:
    return await payment.by_id(context, key)


async def _autopay_rule(context: Context, key: int) -> object | None:
    return await autopay.by_id(context, key)


async def _payment_method(context: Context, key: int) -> object | None:
    return await payment_method.by_id(context, key)


async def _link_request(context: Context, key: int) -> object | None:
    return await link_request.by_id(context, key)


async def _number_link(context: Context, key: int) -> object | None:
    return await number_link.by_id(context, key)


async def _approval(context: Context, key: int) -> object | None:
    return await approval.by_id(context, key)


async def _guest_grant(context: Context, key: int) -> object | None:
    return await guest_grant.by_id(context, key)


async def _usage_limit(context: Context, key: int) -> object | None:
    return await usage_limit.by_id(context, key)


async def _ticket(context: Context, key: int) -> object | None:
    return await ticket.by_id(context, key)


async def _ticket_message(context: Context, key: int) -> object | None:
    return await ticket.message_by_id(context, key)


async def _internet_session(context: Context, key: int) -> object | None:
    return await internet.session_by_id(context, key)


async def _tariff_history_entry(context: Context, key: int) -> object | None:
    return await tariff_history.by_id(context, key)


async def _social_account(context: Context, key: int) -> object | None:
    if context.viewer is None:
        return None
    accounts = await context.loaders.social_accounts_by_user_id.load(context.viewer.user_id)
    return next((account for account in accounts if account.id == key), None)


async def _session(context: Context, key: int) -> object | None:
    if context.viewer is None:
        return None
    return next((each for each in await account_security.viewer_sessions(context) if each.id == key), None)


async def _audit_event(context: Context, key: int) -> object | None:
    if context.viewer is None:
        return None
    households = await viewer.households(context, context.viewer)
    seen = [household.id for household in households if sees_links(household.my_role)]
    return await audit_log.by_id(context, key, seen)


_FINDERS: dict[str, Callable[[Context, int], Awaitable[object | None]]] = {
    "Viewer": _viewer,
    "User": _user,
    "Line": _line,
    "PersonalAccount": _account,
    "Contract": _contract,
    "Household": _household,
    "HouseholdMember": _member,
    "HouseholdInvitation": _invitation,
    "OwnershipTransfer": _ownership_transfer,
    "Tariff": _tariff,
    "Service": _service,
    "Bundle": _bundle,
    "RingbackTone": _ringback_tone,
    "ServiceSubscription": _service_subscription,
    "ServiceEvent": _service_event,
    "Payment": _payment,
    "PaymentMethod": _payment_method,
    "AutopayRule": _autopay_rule,
    "SocialAccount": _social_account,
    "Session": _session,
    "AuditEvent": _audit_event,
    "NumberLink": _number_link,
    "LinkRequest": _link_request,
    "UsageLimit": _usage_limit,
    "ApprovalRequest": _approval,
    "GuestGrant": _guest_grant,
    "Ticket": _ticket,
    "TicketMessage": _ticket_message,
    "InternetSession": _internet_session,
    "TariffHistoryEntry": _tariff_history_entry,
}
