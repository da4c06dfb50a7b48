"""Asking for money back (E43)."""

from domain.money import Money, MoneyRejected, parse_amount
from domain.refund import RefundRejected
from domain.refusals import Forbidden, InputRejected
from resolvers import confined, node_id
from resolvers.context import Context
from services import refund
from services.refund_settlement import RefundRow

Refused = RefundRejected | InputRejected | Forbidden
# No row has it: an id that is none finds nothing, as one of a stranger's does.
_NOTHING = 0


async def request(
    context: Context, payment_id: str, reason: str, amount: tuple[str, str] | None
) -> RefundRow | Refused:
    """Ask for all of a payment back, or for an amount and its currency."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    money = None
    if amount is not None:
        text, currency = amount
        own = context.profile.operator.currency
        if currency != own:
            return InputRejected(f"This operator takes {own}", ("amount", "currency"))
        try:
            money = Money.from_decimal(parse_amount(text), own)
        except MoneyRejected as rejected:
            return InputRejected(f"The amount is not taken: {rejected}", ("amount", "amount"))
    named = node_id.decode(payment_id)
    key = node_id.integer_key(named) if named is not None and named.type_name == "Payment" else None
    asked = refund.request(context.profile, viewer, _NOTHING if key is None else key, reason, money)
    return await context.change(asked)
