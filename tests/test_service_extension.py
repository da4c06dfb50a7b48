"""Adding speed and traffic to a line (F119): as often as somebody pays for it."""

from datetime import datetime, timedelta
from typing import Any

from tests.selling import EXTEND, charges, codes, connected, disconnect, history_of, key, sell, token
from tests.till import ANN, Till


async def test_f119_what_extends_the_internet_can_be_bought_again(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    included = [{"unit": "BYTE", "amount": 1_000}]
    more = await sell(
        till, "more", 500, "ONCE", category="INTERNET_EXTENSION", valid_days=10, included=included, connection_fee=100
    )
    other = await sell(till, "other", 500, "ONCE")

    async def extend(service: str, quote: str) -> dict[str, Any]:
        found: dict[str, Any] = (await ann.data(EXTEND, key=key(), line=line, service=service, token=quote))[
            "extendInternet"
        ]
        return found

    assert codes(await extend(other, await token(ann, line, other))) == ["INVALID_INPUT"]
    first = (await extend(more, await token(ann, line, more)))["subscription"]
    left = "select total::int, remaining::int, expires_at from package_counter"
    until = datetime.fromisoformat(first["validUntil"])
    assert await till.rows(left) == [(1_000, 1_000, until)]
    await till.rows("update package_counter set remaining = 300")
    second = (await extend(more, await token(ann, line, more)))["subscription"]
    assert second["id"] == first["id"]
    days = datetime.fromisoformat(second["validUntil"]) - until
    assert timedelta(days=9, hours=23) < days < timedelta(days=10, hours=1)
    assert await till.rows(left) == [(1_300, 1_300, datetime.fromisoformat(second["validUntil"]))]
    assert await charges(till) == [600, 500]
    assert [each["action"] for each in await history_of(ann, line) or []] == ["EXTEND", "CONNECT"]
    # What was paid once comes back without being paid again, while it lasts.
    off = (await disconnect(ann, first["id"]))["subscription"]
    assert off["paidUntil"] == second["validUntil"]
    back = await connected(ann, line, more)
    assert (back["validUntil"], await charges(till)) == (second["validUntil"], [600, 500])


async def test_f119_is_not_offered_everywhere(till: Till) -> None:
    profile = till.profiles["beeline"]
    internet = profile.internet.model_copy(update={"speed_extension": False})
    till.profiles["beeline"] = profile.model_copy(update={"internet": internet})  # type: ignore[index]
    ann, line, one = await till.of(ANN), await till.line(ANN), await sell(till, "one", 100)
    payload = (await ann.data(EXTEND, key=key(), line=line, service=one, token="x"))["extendInternet"]
    assert codes(payload) == ["FEATURE_DISABLED"]
