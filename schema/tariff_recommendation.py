"""Which tariffs would cost less (F105)."""

from decimal import Decimal

import strawberry

from resolvers import tariff_recommendation
from resolvers.tariff_recommendation import Survey
from schema.catalogue import Tariff
from schema.money import Money
from schema.node import backed_by


@strawberry.type(
    description="A tariff that would cost less than the present one; a month is of thirty days. What it does not "
    "include is bought as packages, the cheapest that there are"
)
class TariffRecommendation:
    tariff: Tariff = strawberry.field(description="Which tariff, with the cheapest choice of its options")
    estimated_monthly: Money = strawberry.field(description="What a month would cost with it")
    current_monthly: Money = strawberry.field(description="What a month costs with the present tariff, rated likewise")
    saving: Money = strawberry.field(
        description="The difference; below zero where the present tariff lacks something that is used"
    )
    reason: str = strawberry.field(description="Why, in the viewer's language")

    is_type_of = backed_by(tariff_recommendation.TariffRecommendation)


@strawberry.input(description="What somebody says of their use in a month; what is left out is taken from the history")
class TariffSurveyInput:
    minutes_per_month: int | None = strawberry.field(default=None, description="Minutes of calls")
    sms_per_month: int | None = strawberry.field(default=None, description="Messages")
    gigabytes_per_month: Decimal | None = strawberry.field(default=None, description="Gigabytes, such as 12.5")
    roaming_days_per_year: int | None = strawberry.field(default=None, description="Days abroad")
    use_history: bool = strawberry.field(default=True, description="False: only what is said here counts")

    def survey(self) -> Survey:
        return Survey(
            self.minutes_per_month,
            self.sms_per_month,
            None if self.gigabytes_per_month is None else str(self.gigabytes_per_month),
            self.roaming_days_per_year,
            self.use_history,
        )
