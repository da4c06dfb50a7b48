"""What must not exist outside development."""

from collections.abc import Mapping

import httpx2
import pytest

from domain.profile import Profile
from server.app import create_app
from server.settings import Settings


@pytest.fixture
def production(settings: Settings, profiles: Mapping[str, Profile]) -> httpx2.AsyncClient:
    app = create_app(settings.model_copy(update={"env": "production"}), profiles=profiles)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1")


@pytest.mark.parametrize("path", ["/dev/inbox", "/dev/demo", "/"])
async def test_development_pages_are_not_there(production: httpx2.AsyncClient, path: str) -> None:
    assert (await production.get(path)).status_code == 404
