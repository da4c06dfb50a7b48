"""An operator's catalogue as `operators/<id>/catalogue.toml` writes it: tariffs and services, fees in quotes."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_serializer

from domain.catalogue import FeePeriod, ServiceCategory
from domain.household_file_values import FileUnit, Name, NotNegativeAmount, Part, Ref, Volume
from domain.line import ServiceKind
from domain.profile import Profile
from domain.profile_values import Choice

Prose = Annotated[str, Field(max_length=2000)]


class AllowanceEntry(Part):
    """What a tariff's fee pays for, of one unit; `scope` says where or for what it counts.

    It is dumped as the database keeps it, with the amount as text: a JSON number might be read as a float.
    """

    unit: Choice[FileUnit]
    amount: Volume = Decimal(0)
    unlimited: bool = False
    scope: Name | None = None
    # What is left at the end of a period is there for one more.
    carries_over: bool = False

    @model_serializer
    def _stored(self) -> dict[str, object]:
        return {
            "unit": self.unit.unit,
            "amount": str(self.unit.stored(self.amount)),
            "unlimited": self.unlimited,
            "scope": self.scope,
            **({"carries_over": True} if self.carries_over else {}),
        }


class TariffEntry(Part):
    """One [[tariffs]] table."""

    code: Ref
    name: Name
    kind: Choice[ServiceKind]
    fee: NotNegativeAmount
    period: Choice[FeePeriod]
    connection_fee: NotNegativeAmount = 0
    included: list[AllowanceEntry] = Field(default_factory=list)
    terms: Prose = ""
    family_shareable: bool = False


class ServiceEntry(Part):
    """One [[services]] table."""

    code: Ref
    name: Name
    kind: Choice[ServiceKind]
    category: Choice[ServiceCategory]
    description: Prose
    fee: NotNegativeAmount
    period: Choice[FeePeriod]
    connection_fee: NotNegativeAmount = 0
    terms: Prose = ""
    trial_days: Annotated[int, Field(ge=1, le=365)] | None = None
    age_rating: Annotated[int, Field(ge=0, le=21)] | None = None


class CatalogueFile(Part):
    """All that an operator sells."""

    tariffs: list[TariffEntry]
    services: list[ServiceEntry]

    def complaints(self, profile: Profile) -> Iterator[tuple[str, str]]:
        """Pairs of a key and why it cannot be: a code that is there twice, a kind that is not sold."""
        for table, entries in (("tariffs", self.tariffs), ("services", self.services)):
            yield from _complaints(table, entries, profile)


def _complaints(
    table: str, entries: Sequence[TariffEntry | ServiceEntry], profile: Profile
) -> Iterator[tuple[str, str]]:
    codes: set[str] = set()
    for index, entry in enumerate(entries):
        if entry.code in codes:
            yield f"{table}.{index}.code", f"{entry.code} is there twice"
        codes.add(entry.code)
        if entry.kind not in profile.operator.service_kinds:
            yield f"{table}.{index}.kind", f"{profile.operator.id} does not sell {entry.kind}"
