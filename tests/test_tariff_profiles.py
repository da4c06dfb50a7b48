"""What each of the five operators lets people do with their tariffs, and what it says of the rest (SPEC 5.3)."""

from collections.abc import Mapping
from typing import Any

import pytest

from domain.features import feature
from domain.profile import Profile
from domain.profile_offering import ChangeEffective
from tests.cabinet import Cabinet
from tests.tariffs import CANCEL, CONFIGURE, QUOTE, REVERT

LINES = """
{ viewer { linkedNumbers(first: 20) { edges { node { id kind isOwn
    tariff { tariff { id } nextChargeAt canRevertTo { id } } tariffHistory { totalCount } recommendedTariffs { reason }
} } } } tariffs(filter: {kind: MOBILE}, first: 50) { edges { node { id } } } }
"""


def kinds_and_messages(payload: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["__typename"], error["message"]) for error in payload["userErrors"]]


@pytest.mark.parametrize("operator", ["beeline", "letai", "life", "motiv", "tele2"])
async def test_f106_what_is_off_says_so_and_what_is_on_works(
    cabinet: Cabinet, demo_people: dict[str, Any], profiles: Mapping[str, Profile], operator: str
) -> None:
    profile = profiles[operator]
    owner = await cabinet.signed_in(operator, demo_people[operator]["owner"])
    seen = await owner.data(LINES)
    own = next(
        edge["node"]
        for edge in seen["viewer"]["linkedNumbers"]["edges"]
        if edge["node"]["isOwn"] and edge["node"]["kind"] == "MOBILE" and edge["node"]["tariff"]
    )
    assert (own["tariffHistory"] is not None) == profile.tariffs.history
    assert (own["recommendedTariffs"] is not None) == profile.tariffs.recommend
    assert own["tariff"]["canRevertTo"] is None

    payloads = [
        (await owner.data(QUOTE, line=own["id"], tariff=edge["node"]["id"], options=[]))["quoteTariffChange"]
        for edge in seen["tariffs"]["edges"]
        if edge["node"]["id"] != own["tariff"]["tariff"]["id"]
    ]
    prices = [payload["quote"] for payload in payloads if payload["quote"] is not None]
    assert prices
    waits = profile.tariffs.change_effective is ChangeEffective.NEXT_PERIOD
    assert {price["lines"][0]["freeDays"] > 0 for price in prices} == {
        waits and own["tariff"]["nextChargeAt"] is not None
    }
    assert all(price["warnings"] for price in prices)

    reverted = (await owner.data(REVERT, key="revert-it-1", line=own["id"], entry=None))["revertTariff"]
    configured = (await owner.data(CONFIGURE, key="configure-1", line=own["id"], options=[], token="x"))[
        "configureTariff"
    ]
    for payload, key, otherwise in (
        (reverted, "tariffs.revert", "TariffNotReverted"),
        (configured, "tariffs.configure", "QuoteRejected"),
    ):
        flag = feature(profile, key)
        [(kind, message)] = kinds_and_messages(payload)
        assert (kind, message) == ("FeatureDisabled", flag.reason) if not flag.enabled else kind == otherwise
    cancelled = (await owner.data(CANCEL, key="cancel-it-1", line=own["id"]))["cancelTariffChange"]
    assert [kind for kind, _ in kinds_and_messages(cancelled)] == ["NoTariffChangeAwaited"]
