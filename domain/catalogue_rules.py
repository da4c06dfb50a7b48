"""What of a catalogue does not go together, or not with its operator's profile (F102, F111). Pure rules."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from domain.catalogue import FeePeriod, ServiceCategory
from domain.catalogue_file import (
    AllowanceEntry,
    BundleEntry,
    CatalogueFile,
    OptionEntry,
    ServiceEntry,
    TariffEntry,
    ToneEntry,
)
from domain.line import ServiceKind
from domain.profile import Profile
from domain.toml_lines import Place

AnyEntry = TariffEntry | ServiceEntry | ToneEntry | BundleEntry

_PERIODIC = frozenset({FeePeriod.DAY, FeePeriod.MONTH})


class Contradiction(NamedTuple):
    """What cannot be, and where it stands."""

    place: Place
    reason: str


def contradictions(catalogue: CatalogueFile, profile: Profile) -> Iterator[Contradiction]:
    """All that makes a catalogue one that its operator cannot sell from."""
    yield from _same_code(("tariffs", catalogue.tariffs))
    # A tone is stored as a service, so the two share their codes.
    yield from _same_code(("services", catalogue.services), ("tones", catalogue.tones))
    yield from _same_code(("bundles", catalogue.bundles))
    for place, entry in _placed(catalogue):
        yield from _in(place, _sold(entry, profile))
    for index, tariff in enumerate(catalogue.tariffs):
        yield from _in(("tariffs", index), _tariff(tariff, profile))
    for index, service in enumerate(catalogue.services):
        yield from _in(("services", index), _service(service, profile))
    for index, tone in enumerate(catalogue.tones):
        yield from _in(("tones", index), _tone(tone, profile))
    for index, bundle in enumerate(catalogue.bundles):
        yield from _in(("bundles", index), _bundle(bundle, profile))
    yield from _relations(catalogue.services)
    yield from _too_many_localities(catalogue, profile)


def _placed(catalogue: CatalogueFile) -> Iterator[tuple[Place, TariffEntry | ServiceEntry]]:
    """What lines have, and where it stands."""
    yield from ((("tariffs", index), tariff) for index, tariff in enumerate(catalogue.tariffs))
    yield from ((("services", index), service) for index, service in enumerate(catalogue.services))


def _in(place: Place, found: Iterator[Contradiction]) -> Iterator[Contradiction]:
    return (Contradiction((*place, *each.place), each.reason) for each in found)


def _same_code(*tables: tuple[str, Sequence[AnyEntry]]) -> Iterator[Contradiction]:
    seen: set[str] = set()
    for table, entries in tables:
        for index, entry in enumerate(entries):
            if entry.code in seen:
                yield Contradiction((table, index, "code"), f"{entry.code} is there twice")
            seen.add(entry.code)


def _sold(entry: TariffEntry | ServiceEntry, profile: Profile) -> Iterator[Contradiction]:
    """What tariffs and services have in common."""
    if entry.kind not in profile.operator.service_kinds:
        yield Contradiction(("kind",), f"{profile.operator.id} does not sell {entry.kind}")
    yield from _period(entry.period, profile)
    yield from _allowances(entry.included)
    yield from _twice("localities", entry.localities)
    if entry.speed_mbps is not None and entry.kind is ServiceKind.MOBILE:
        yield Contradiction(("speed_mbps",), "is for fixed lines, not for MOBILE")


def _period(period: FeePeriod, profile: Profile) -> Iterator[Contradiction]:
    charged = profile.services.fee_periods
    if period not in charged:
        reason = f"{profile.operator.id} does not charge by {period}: services.fee_periods are {', '.join(charged)}"
        yield Contradiction(("period",), reason)


def _allowances(included: Sequence[AllowanceEntry]) -> Iterator[Contradiction]:
    yield from _twice("included", [(each.unit.unit, each.scope) for each in included])
    for index, each in enumerate(included):
        if each.unlimited == (each.amount > 0):
            yield Contradiction(("included", index), "needs an amount above zero, or unlimited = true, and not both")


def _tariff(tariff: TariffEntry, profile: Profile) -> Iterator[Contradiction]:
    if tariff.period not in _PERIODIC:
        yield Contradiction(("period",), "of a tariff must be DAY or MONTH")
    if tariff.options and not profile.tariffs.configure:
        yield Contradiction(
            ("options",), f"{profile.operator.id} has no tariffs to configure: tariffs.configure is off"
        )
    yield from _twice("options", [option.unit.unit for option in tariff.options])
    for index, option in enumerate(tariff.options):
        yield from _in(("options", index), _option(option, tariff.included))


def _option(option: OptionEntry, included: Sequence[AllowanceEntry]) -> Iterator[Contradiction]:
    values = option.stored_values
    if sorted(set(values)) != values:
        yield Contradiction(("values",), "must ascend")
    least = [each.stored_amount for each in included if each.unit.unit is option.unit.unit and each.scope is None]
    if least != values[:1]:
        yield Contradiction(("values",), f"must begin with what the tariff includes of {option.unit.unit}")


def _service(service: ServiceEntry, profile: Profile) -> Iterator[Contradiction]:
    if service.valid_days is not None and service.period in _PERIODIC:
        yield Contradiction(("valid_days",), f"cannot be of what is paid again each {service.period}")
    if service.trial_days is not None and service.period not in _PERIODIC:
        yield Contradiction(("trial_days",), f"cannot be of what is paid {service.period}")
    if service.trial_days is not None and service.category is ServiceCategory.TV:
        days = profile.services.tv_trial_days
        if service.trial_days != days:
            yield Contradiction(("trial_days",), f"must be what services.tv_trial_days says, which is {days}")
    if service.category is ServiceCategory.RINGBACK:
        yield from _ringback(("category",), profile)


def _tone(tone: ToneEntry, profile: Profile) -> Iterator[Contradiction]:
    yield from _ringback((), profile)
    yield from _period(tone.period, profile)


def _ringback(place: Place, profile: Profile) -> Iterator[Contradiction]:
    if not profile.services.ringback:
        yield Contradiction(place, f"{profile.operator.id} sells no ringback tones: services.ringback is off")


def _bundle(bundle: BundleEntry, profile: Profile) -> Iterator[Contradiction]:
    yield from _twice("kinds", bundle.kinds)
    for index, kind in enumerate(bundle.kinds):
        if kind not in profile.operator.service_kinds:
            yield Contradiction(("kinds", index), f"{profile.operator.id} does not sell {kind}")


def _relations(services: Sequence[ServiceEntry]) -> Iterator[Contradiction]:
    """Codes that are none, and services that nobody could ever connect."""
    known = {service.code: service for service in services}
    for index, service in enumerate(services):
        for field, codes in (("incompatible", service.incompatible), ("requires", service.requires)):
            yield from _in(("services", index), _twice(field, codes))
            for n, code in enumerate(codes):
                if reason := _unrelated(service, known.get(code)):
                    yield Contradiction(("services", index, field, n), f"{code} {reason}")
        for n, code in enumerate(service.requires):
            if code in known and known[code].archived and not service.archived:
                yield Contradiction(("services", index, "requires", n), f"{code} is archived, so nobody can connect it")
        if service.requires:
            yield from _in(
                ("services", index, "requires"), _never_met(service.code, _all_needed(service.code, known), known)
            )


def _never_met(code: str, needed: frozenset[str], known: Mapping[str, ServiceEntry]) -> Iterator[Contradiction]:
    """Why no line can ever have all that a service needs."""
    if code in needed:
        yield Contradiction((), f"{code} would require itself")
    together = sorted({code, *needed} & known.keys())
    apart = ((one, other) for one in together for other in known[one].incompatible if other in together)
    for one, other in islice(apart, 1):
        yield Contradiction((), f"{one} and {other} are incompatible, and both needed")


def _unrelated(service: ServiceEntry, other: ServiceEntry | None) -> str | None:
    """Why a service can have nothing to do with another one."""
    if other is None:
        return "is no service of this file"
    if other is service:
        return "is the service itself"
    return None if other.kind is service.kind else f"is for {other.kind}, not for {service.kind}"


def _all_needed(code: str, known: Mapping[str, ServiceEntry]) -> frozenset[str]:
    """What a service requires, with what that requires in turn."""
    found: set[str] = set()
    waiting = [*known[code].requires]
    while waiting:
        each = waiting.pop()
        if each in known and each not in found:
            found.add(each)
            waiting += known[each].requires
    return frozenset(found)


def _too_many_localities(catalogue: CatalogueFile, profile: Profile) -> Iterator[Contradiction]:
    served = profile.operator.localities_count
    seen: set[str] = set()
    for place, entry in _placed(catalogue):
        seen.update(entry.localities)
        if served and len(seen) > served:
            reason = f"names more than the {served} localities of operator.localities_count"
            yield Contradiction((*place, "localities"), reason)
            return


def _twice(field: str, names: Sequence[Hashable]) -> Iterator[Contradiction]:
    seen: set[Hashable] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield Contradiction((field, index), "is there twice")
        seen.add(name)
