"""Changing the tariff of a line: quote, change, put together, cancel, take back (F104, F106, F108)."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.quote_refusals import Quoted
from domain.refusals import NotFound
from domain.tariff import typed
from domain.usage import UsageUnit
from loaders.visible import Line
from resolvers import confined
from resolvers.context import Context
from resolvers.usage_limit import key
from services import tariff_change, tariff_revert
from services.tariff_change import TariffChanged, Wanted

Refused = tariff_change.Refused | tariff_revert.Refused
Options = Sequence[tuple[UsageUnit, str]]

_NO_ENTRY = NotFound("There is no such entry in the history of this line", ("historyEntryId",))
_NO_LINE = NotFound("There is no such line", ("lineId",))


@dataclass(frozen=True, slots=True)
class Form:
    """A change as somebody asked for it; without a tariff the line keeps its own, put together otherwise."""

    key: str
    line_id: str
    tariff_id: str | None
    options: Options | None
    token: str


async def quote(context: Context, line_id: str, tariff_id: str, options: Options) -> Quoted | Refused:
    """The exact price of a change; for whoever may make it, or ask for it."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    chosen = typed(options)
    if not isinstance(chosen, tuple):
        return chosen
    line, tariff = key(line_id, "Line"), key(tariff_id, "Tariff")
    asking = tariff_change.quote(context.profile, context.secret, viewer, line, tariff, chosen)
    return await context.change(asking)


async def change(context: Context, form: Form) -> Line | Refused:
    """Make a change at the price of its quote."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    chosen = None if form.options is None else typed(form.options)
    if chosen is not None and not isinstance(chosen, tuple):
        return chosen
    tariff = None if form.tariff_id is None else key(form.tariff_id, "Tariff")
    wanted = Wanted(form.key, key(form.line_id, "Line"), tariff, chosen, form.token)
    changing = tariff_change.change(context.profile, context.secret, viewer, wanted)
    return await _line(context, await context.change(changing))


async def cancel(context: Context, idempotency_key: str, line_id: str) -> Line | Refused:
    """Cancel a change that waits for the next period."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    cancelling = tariff_change.cancel(context.profile, viewer, idempotency_key, key(line_id, "Line"))
    return await _line(context, await context.change(cancelling))


async def revert(context: Context, idempotency_key: str, line_id: str, entry_id: str | None) -> Line | Refused:
    """Take a change back."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    entry = None if entry_id is None else key(entry_id, "TariffHistoryEntry")
    if entry == 0:
        return _NO_ENTRY
    reverting = tariff_revert.revert(context.profile, viewer, idempotency_key, key(line_id, "Line"), entry)
    return await _line(context, await context.change(reverting))


async def _line(context: Context, outcome: TariffChanged | Refused) -> Line | Refused:
    if not isinstance(outcome, TariffChanged):
        return outcome
    return await context.loaders.line_by_id.load(outcome.line_id) or _NO_LINE
