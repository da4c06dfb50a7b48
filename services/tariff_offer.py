"""What a change of tariff would be, and what it costs exactly: for the quote and for the change alike (F106, N7).

At once: a new period begins today, at the full fee. What is left of the period before is lost with its packages,
unless the change is taken back while it lasts. With the next period: only the connection is paid for now.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.catalogue import TariffAction
from domain.features import feature
from domain.language import Language
from domain.profile import Profile
from domain.profile_offering import ChangeEffective
from domain.quote import PriceQuote
from domain.refusals import FeatureDisabled, InputRejected, NotFound
from domain.tariff import Chosen, Configuration, Named, Plan, days_until
from domain.tariff_refusals import TariffChangeAwaited, TariffNotAvailable, TariffUnchanged
from domain.wording import Wording
from services import tariff_row
from services.tariff_row import Held, LineHeld

_LOST = Wording(
    "A new period begins today. What was paid for up to {date}, and what is left of its packages, is not given back."
)
_LATER = Wording("It begins on {date}; until then the present tariff goes on.")
_BACK = Wording("It can be taken back up to {date}: the present tariff then goes on, and no money is given back.")
_ASKED = Wording("The owner of the household has to agree.")


@dataclass(frozen=True, slots=True)
class Offer:
    """A change that can be made to a line: to `plan`, put together so; `begins` where it waits for a period."""

    line: LineHeld
    action: TariffAction
    plan: Plan
    chosen: Configuration
    begins: datetime | None
    quote: PriceQuote

    @property
    def what(self) -> str:
        """The change, as the token of its quote names it."""
        return str(Named(self.plan.id, self.chosen))


Refused = FeatureDisabled | InputRejected | NotFound | TariffNotAvailable | TariffUnchanged | TariffChangeAwaited


async def offer(
    connection: BaseDBAsyncClient,
    profile: Profile,
    line: LineHeld,
    tariff_id: int | None,
    wanted: Iterable[Chosen],
    language: Language,
) -> Offer | Refused:
    """What a change of the line's tariff would be; `tariff_id` None: only what is chosen of its own changes."""
    had = line.tariff
    if tariff_id is None and had is None:
        return TariffNotAvailable("The line has no tariff to choose from", ("lineId",))
    if had is not None and had.pending_at is not None:
        return TariffChangeAwaited()
    meant = tariff_id if had is None or tariff_id is not None else had.plan.id
    assert meant is not None
    plan = await tariff_row.sold(connection, profile, meant, line)
    if not isinstance(plan, Plan):
        return plan
    if tariff_id is None and had is not None and plan.id != had.plan.id:
        return TariffNotAvailable("This version of the tariff is not sold any more; change to the present one", None)
    wanted = tuple(wanted)
    chosen = plan.choose(wanted)
    if isinstance(chosen, InputRejected):
        return chosen
    same = had is not None and had.plan.id == plan.id
    if same and had is not None and had.chosen == chosen:
        return TariffUnchanged()
    if refused := off(profile, "tariffs.configure") if same or _more_than_least(plan, chosen) else None:
        return refused
    if not same and (refused := off(profile, "tariffs.change")):
        return refused
    begins = _begins(profile, had)
    quote = plan.price(
        chosen,
        profile.operator.currency,
        line.now.astimezone(profile.operator.zone).date(),
        language,
        free_days=0 if begins is None else days_until(begins, line.now, profile.operator.zone),
        warnings=_warnings(profile, line, begins, language),
    )
    action = TariffAction.CONFIGURE if same else TariffAction.CHANGE
    return Offer(line, action, plan, chosen, begins, quote)


def _more_than_least(plan: Plan, chosen: Configuration) -> bool:
    """Whether anything but the first value of an option was chosen, which an operator may not offer."""
    return chosen != plan.choose(())


def off(profile: Profile, key: str) -> FeatureDisabled | None:
    """The refusal of what this operator does not offer."""
    flag = feature(profile, key)
    return None if flag.enabled else FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")


def _begins(profile: Profile, had: Held | None) -> datetime | None:
    """When it begins, where it waits: who has no period that runs waits for none."""
    if had is None or profile.tariffs.change_effective is ChangeEffective.IMMEDIATE:
        return None
    return had.next_charge_at


def _warnings(profile: Profile, line: LineHeld, begins: datetime | None, language: Language) -> list[str]:
    zone, said = profile.operator.zone, []
    paid_until = line.tariff.paid_until if line.tariff is not None else None
    if begins is not None:
        said.append(_LATER.text(language, date=f"{begins.astimezone(zone):%d.%m.%Y}"))
    elif paid_until is not None:
        date = f"{paid_until.astimezone(zone):%d.%m.%Y}"
        said.append(_LOST.text(language, date=date))
        if profile.tariffs.revert and line.tariff is not None and not line.tariff.plan.archived:
            said.append(_BACK.text(language, date=date))
    if line.asks:
        said.append(_ASKED.text(language))
    return said
