"""What the loaders of one request share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from auth.session import Viewer
from domain.access import NOBODY, AccessLevel, Scope, asks_to_spend, scopes, spends_balance, takes_promises
from domain.profile import Profile
from execution.cache import Cache
from gateways.billing import Billing
from loaders.batch import Batches
from models.reader import Reader
from models.visible import Relation, standing

# An operator sells some hundreds; the older versions that lines still have come on top.
_ENTRIES = 4_000


class Entry(NamedTuple):
    """A tariff or a service, and the version of it that a statement met: columns `id, xmin`."""

    id: int
    version: int


class Judged(NamedTuple):
    """What `domain/access.py` says of a relation: the viewer's scopes, and what beside them whoever uses a line has."""

    rights: frozenset[Scope]
    takes_promises: bool
    spends_balance: bool
    asks_to_spend: bool


class Memory:
    """What a process knows, and need not find out for every request.

    `plans` and `services` are what it has read of the catalogue, by cabinet and entry (`loaders/catalogue_memory.py`).
    `judged` are relations that it has met, by operator, its day and the session's level: households are alike.
    """

    def __init__(self) -> None:
        self.plans: Cache[tuple[str, Entry], Any] = Cache(_ENTRIES, _ENTRIES)
        self.services: Cache[tuple[str, Entry], Any] = Cache(_ENTRIES, _ENTRIES)
        self.judged: Cache[tuple[str, date, AccessLevel, Relation], Judged] = Cache(_ENTRIES, _ENTRIES)


_NOTHING = Judged(frozenset(), takes_promises=False, spends_balance=False, asks_to_spend=False)


@dataclass(frozen=True, slots=True)
class ReadScope:
    """One request's reads: who reads (None: nobody is signed in), in which operator's cabinet, from where."""

    reads: Reader
    batches: Batches
    viewer: Viewer | None
    profile: Profile
    profiles: Mapping[str, Profile]
    billing: Billing
    now: datetime
    memory: Memory = field(default_factory=Memory)
    _days: dict[str, date] = field(default_factory=dict)

    @property
    def visibility(self) -> tuple[int, str, bool]:
        """The first three arguments of every statement in `models/visible.py`; nobody sees nothing."""
        return self.visibility_of(self.viewer.user_id if self.viewer else NOBODY)

    def visibility_of(self, user_id: int) -> tuple[int, str, bool]:
        """The same on behalf of somebody who is not the viewer: a widget's owner."""
        return user_id, self.profile.operator.id, not self.profile.linking.same_operator_only

    def profile_of(self, operator: str) -> Profile | None:
        """The profile that governs a line or account of `operator`; None when it is not served here."""
        return self.profiles.get(operator)

    def judged(self, operator: str, relation: Relation) -> Judged:
        """What the viewer may do with something of `operator`: each link obeys its own profile (E58)."""
        profile = self.profile_of(operator)
        if profile is None:
            return _NOTHING
        level, today = self.level, self.today(profile)
        key = operator, today, level, relation
        judged = self.memory.judged.get(key)
        if judged is None:
            stands = standing(relation)
            judged = Judged(
                rights=scopes(stands, level, profile, today),
                takes_promises=takes_promises(stands, level, profile, today),
                spends_balance=spends_balance(stands, level),
                asks_to_spend=asks_to_spend(stands, level),
            )
            self.memory.judged.put(key, judged, 1)
        return judged

    @property
    def level(self) -> AccessLevel:
        """How far the viewer's session reaches; nobody's reaches least."""
        return self.viewer.access_level if self.viewer else AccessLevel.PARTIAL

    def today(self, profile: Profile) -> date:
        """The day it is where the operator is."""
        operator = profile.operator.id
        day = self._days.get(operator)
        if day is None:
            day = self._days[operator] = self.now.astimezone(profile.operator.zone).date()
        return day
