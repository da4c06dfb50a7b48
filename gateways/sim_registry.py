"""Who knows which SIM a number has, and whose the number is: the operator's network (N3, E13, E24).

A registry is asked about many numbers at once, answers for those it knows, and is never asked inside a transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol


class RegistryUnavailable(Exception):
    """The registry did not answer: nothing is known. The text names no number, for it is logged."""


class Asked(NamedTuple):
    """A number, as E.164 digits without a plus, and since when it is asked about."""

    msisdn: str
    since: datetime


class SimRegistry(Protocol):
    """The port to the registry. A number that it has no answer for is left out of the mapping: ask again later.

    `rests` is how long a number is left alone by whoever watches all of them.
    """

    rests: timedelta

    async def sim_changed_since(self, asked: Sequence[Asked]) -> Mapping[str, datetime | None]:
        """When each number got another SIM; None where it has had the same one since.

        A registry that only says that it was in some hours gives the beginning of them. Raises RegistryUnavailable.
        """

    async def number_reassigned_since(self, asked: Sequence[Asked]) -> Mapping[str, bool]:
        """Whether each number was given to another subscriber since that day. Raises RegistryUnavailable."""


class NoRegistry:
    """Where nobody can be asked, only what the operator tells by itself is known."""

    rests = timedelta(hours=1)

    async def sim_changed_since(self, asked: Sequence[Asked]) -> Mapping[str, datetime | None]:
        return {}

    async def number_reassigned_since(self, asked: Sequence[Asked]) -> Mapping[str, bool]:
        return {}
