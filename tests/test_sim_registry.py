"""The registry of SIMs: the simulated one, and one that speaks CAMARA, on messages as its documents have them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateways.accounts import CamaraAccount
from gateways.camara import CamaraRegistry
from gateways.sim_registry import Asked, RegistryUnavailable
from gateways.simulators.sim_registry import News, SimulatedRegistry
from server.settings import SettingsRejected, load_settings
from tests.bank import served
from tests.conftest import SECRET

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ANN, BOB = "79031234567", "79037654321"
ERROR = {"status": 0, "code": "NOT_FOUND", "message": "The specified resource is not found."}


class Network:
    """An operator's CAMARA gateway; `answers` by path, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, str | None, dict[str, Any]]] = []

    async def answer(self, request: Request) -> Response:
        self.asked.append((request.url.path, request.headers.get("authorization"), await request.json()))
        status, body = self.answers.get(request.url.path, (404, ERROR))
        return JSONResponse(body, status_code=status, headers={"x-correlator": "b4333c46"})


@pytest.fixture
async def network() -> AsyncIterator[tuple[Network, CamaraRegistry]]:
    told = Network()
    application = Starlette(routes=[Route("/api/{rest:path}", told.answer, methods=["POST"])])
    async with served(application) as address:
        account = CamaraAccount.from_url(f"{address}/api", "token-1")
        async with CamaraRegistry(account, seconds=5, now=lambda: NOW) as registry:
            yield told, registry


DATE, CHECK, RECYCLED = "/api/sim-swap/v2/retrieve-date", "/api/sim-swap/v2/check", "/api/number-recycling/v0.2/check"


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({"latestSimChange": "2026-03-10T14:27:08.312+03:00"}, datetime(2026, 3, 10, 11, 27, 8, 312_000, UTC)),
        ({"latestSimChange": "2026-03-10T11:27:08.312Z"}, datetime(2026, 3, 10, 11, 27, 8, 312_000, UTC)),
        ({"latestSimChange": "2023-07-03T14:27:08.312+02:00"}, None),
        ({"latestSimChange": None, "monitoredPeriod": 120}, None),
    ],
)
async def test_camara_tells_when_the_sim_was_changed(
    network: tuple[Network, CamaraRegistry], told: dict[str, Any], known: datetime | None
) -> None:
    gateway, registry = network
    gateway.answers[DATE] = (200, told)
    assert await registry.sim_changed_since([Asked(ANN, NOW - timedelta(hours=5))]) == {ANN: known}
    assert gateway.asked == [(DATE, "Bearer token-1", {"phoneNumber": f"+{ANN}"})]


@pytest.mark.parametrize(
    ("age", "hours"), [(timedelta(minutes=1), 1), (timedelta(hours=5, minutes=1), 6), (timedelta(days=400), 2400)]
)
@pytest.mark.parametrize("swapped", [True, False])
async def test_camara_without_dates_is_asked_about_hours(
    network: tuple[Network, CamaraRegistry], age: timedelta, hours: int, swapped: bool
) -> None:
    gateway, registry = network
    gateway.answers |= {DATE: (403, ERROR), CHECK: (200, {"swapped": swapped})}
    answer = await registry.sim_changed_since([Asked(ANN, NOW - age)])
    assert answer == {ANN: NOW - timedelta(hours=hours) if swapped else None}
    assert gateway.asked[-1][2] == {"phoneNumber": f"+{ANN}", "maxAge": hours}


async def test_camara_tells_whether_the_number_has_another_subscriber(
    network: tuple[Network, CamaraRegistry],
) -> None:
    gateway, registry = network
    gateway.answers[RECYCLED] = (200, {"phoneNumChanged": True})
    assert await registry.number_reassigned_since([Asked(ANN, NOW), Asked(BOB, NOW)]) == {ANN: True, BOB: True}
    assert (RECYCLED, "Bearer token-1", {"phoneNumber": f"+{ANN}", "specifiedDate": "2026-03-10"}) in gateway.asked


@pytest.mark.parametrize(
    "answer",
    [
        (422, {"status": 422, "code": "SERVICE_NOT_APPLICABLE", "message": "Not available for the provided number."}),
        (404, {"status": 404, "code": "IDENTIFIER_NOT_FOUND", "message": "Device identifier not found."}),
        (200, {"latestSimChange": "yesterday", "swapped": "yes", "phoneNumChanged": 1}),
        (200, {"latestSimChange": "2026-03-10T11:27:08"}),
        (200, {}),
    ],
)
async def test_a_number_without_an_answer_is_left_out(
    network: tuple[Network, CamaraRegistry], answer: tuple[int, Any]
) -> None:
    gateway, registry = network
    gateway.answers |= {DATE: answer, CHECK: answer, RECYCLED: answer}
    asked = [Asked(ANN, NOW - timedelta(days=1))]
    assert await registry.sim_changed_since(asked) == {}
    assert await registry.number_reassigned_since(asked) == {}


@pytest.mark.parametrize(
    "answer",
    [
        (401, {"status": 401, "code": "UNAUTHENTICATED", "message": f"+{ANN}"}),
        (429, {"status": 429, "code": "QUOTA_EXCEEDED", "message": f"+{ANN}"}),
        (503, {"status": 503, "code": "UNAVAILABLE", "message": f"+{ANN}"}),
        (200, ["no object"]),
    ],
)
async def test_a_silent_registry_is_told_apart_from_no(
    network: tuple[Network, CamaraRegistry], answer: tuple[int, Any]
) -> None:
    gateway, registry = network
    gateway.answers |= {DATE: answer, RECYCLED: answer}
    for ask in (registry.sim_changed_since, registry.number_reassigned_since):
        with pytest.raises(RegistryUnavailable) as silence:
            await ask([Asked(ANN, NOW)])
        assert ANN not in str(silence.value)


async def test_the_simulated_registry_knows_what_was_written(tmp_path: Path) -> None:
    registry = SimulatedRegistry(tmp_path / "data")
    asked = [Asked(ANN, NOW), Asked(BOB, NOW)]
    assert await registry.sim_changed_since(asked) == {ANN: None, BOB: None}
    registry.happened(ANN, News.SWAP, NOW - timedelta(seconds=1))
    registry.happened(BOB, News.REASSIGN, NOW + timedelta(seconds=1))
    # Another process reads the same file.
    other = SimulatedRegistry(tmp_path / "data")
    assert await other.sim_changed_since(asked) == {ANN: None, BOB: NOW + timedelta(seconds=1)}
    assert await other.number_reassigned_since(asked) == {ANN: False, BOB: True}


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("http://sims.example", "token", "must be an https URL"),
        ("https://user:token@sims.example", "token", "must hold no user"),
        ("https://sims.example", "", "needs HEARTH_SIM_REGISTRY_KEY"),
    ],
)
def test_a_registry_is_reached_by_https_and_with_a_token(url: str, key: str, said: str) -> None:
    with pytest.raises(SettingsRejected) as rejected:
        load_settings(env="development", secret=SECRET, sim_registry_url=url, sim_registry_key=key)
    assert said in str(rejected.value)
    assert "user:token" not in str(rejected.value)
