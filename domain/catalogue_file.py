"""An operator's catalogue as `operators/<id>/catalogue.toml` writes it, fees in quotes (docs/catalogue.md).

An entry is checked here on its own, as far as its types go; `domain/catalogue_rules.py` says what does not go together.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_serializer

from domain.catalogue import FeePeriod, ServiceCategory
from domain.household_file_values import FileUnit, Name, NotNegativeAmount, Part, Ref, Volume
from domain.line import ServiceKind
from domain.profile_values import Choice

Prose = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Days = Annotated[int, Field(ge=1, le=3650)]
Speed = Annotated[int, Field(ge=1, le=1_000_000)]
Age = Annotated[int, Field(ge=0, le=21)]
Names = Annotated[list[Name], Field(max_length=500)]
Codes = Annotated[list[Ref], Field(max_length=100)]


class AllowanceEntry(Part):
    """What a fee pays for, of one unit; `scope` says where or for what it counts.

    It is dumped as the database keeps it, with the amount as text: a JSON number might be read as a float.
    """

    unit: Choice[FileUnit]
    amount: Volume = Decimal(0)
    unlimited: bool = False
    scope: Name | None = None
    # What is left at the end of a period is there for one more.
    carries_over: bool = False

    @property
    def stored_amount(self) -> Decimal:
        """The amount in the unit that is stored."""
        return self.unit.stored(self.amount)

    @model_serializer
    def _stored(self) -> dict[str, object]:
        return {
            "unit": self.unit.unit,
            "amount": str(self.stored_amount),
            "unlimited": self.unlimited,
            "scope": self.scope,
            **({"carries_over": True} if self.carries_over else {}),
        }


class OptionEntry(Part):
    """How much of a unit may be chosen, and what each step above the first value adds to the fee (F104)."""

    unit: Choice[FileUnit]
    values: Annotated[list[Volume], Field(min_length=2, max_length=50)]
    price_per_step: NotNegativeAmount

    @property
    def stored_values(self) -> list[Decimal]:
        """The values in the unit that is stored."""
        return [self.unit.stored(value) for value in self.values]

    @model_serializer
    def _stored(self) -> dict[str, object]:
        values = [str(value) for value in self.stored_values]
        return {"unit": self.unit.unit, "values": values, "price_per_step": self.price_per_step}


Allowances = Annotated[list[AllowanceEntry], Field(max_length=50)]


class TariffEntry(Part):
    """One [[tariffs]] table. An `archived` one is kept for the lines that have it, and sold no more."""

    code: Ref
    version: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    name: Name
    kind: Choice[ServiceKind]
    fee: NotNegativeAmount
    period: Choice[FeePeriod]
    connection_fee: NotNegativeAmount = 0
    included: Allowances = Field(default_factory=list)
    options: Annotated[list[OptionEntry], Field(max_length=10)] = Field(default_factory=list)
    localities: Names = Field(default_factory=list)
    speed_mbps: Speed | None = None
    terms: Prose = ""
    family_shareable: bool = False
    archived: bool = False


class ServiceEntry(Part):
    """One [[services]] table; `incompatible` and `requires` are codes of other services."""

    code: Ref
    name: Name
    kind: Choice[ServiceKind]
    category: Choice[ServiceCategory]
    description: Prose
    fee: NotNegativeAmount
    period: Choice[FeePeriod]
    connection_fee: NotNegativeAmount = 0
    included: Allowances = Field(default_factory=list)
    valid_days: Days | None = None
    localities: Names = Field(default_factory=list)
    speed_mbps: Speed | None = None
    terms: Prose = ""
    trial_days: Annotated[int, Field(ge=1, le=365)] | None = None
    age_rating: Age | None = None
    content_provider: Name | None = None
    incompatible: Codes = Field(default_factory=list)
    requires: Codes = Field(default_factory=list)
    archived: bool = False


class ToneEntry(Part):
    """One [[tones]] table: what callers hear instead of the ringing tone, a service to the rest of the house (F126)."""

    code: Ref
    title: Name
    artist: Name
    fee: NotNegativeAmount
    period: Choice[FeePeriod]
    connection_fee: NotNegativeAmount = 0
    preview_url: Annotated[str, Field(max_length=500, pattern=r"^https://[^\s\x00-\x20]+$")] | None = None
    age_rating: Age | None = None
    archived: bool = False


class BundleEntry(Part):
    """One [[bundles]] table: services of several kinds together, `fee` a month (F110)."""

    code: Ref
    name: Name
    kinds: Annotated[list[Choice[ServiceKind]], Field(min_length=2)]
    fee: NotNegativeAmount
    discount_percent: Annotated[int, Field(ge=0, le=100)]
    terms: Prose = ""
    archived: bool = False


class CatalogueFile(Part):
    """All that an operator sells."""

    tariffs: list[TariffEntry]
    services: list[ServiceEntry]
    tones: list[ToneEntry] = Field(default_factory=list)
    bundles: list[BundleEntry] = Field(default_factory=list)
