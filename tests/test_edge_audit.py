"""The audits of other people's making find nothing (`make audit` prints them)."""

from typing import Any

import pytest

from tests import audit
from tests.conftest import running_server


@pytest.fixture(scope="module")
def audited(process_database: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that answers queries over GET too."""
    with running_server(process_database, tmp_path_factory.mktemp("audited"), HEARTH_GET_QUERIES="1") as address:
        yield address


def broken(rules: list[audit.Rule]) -> list[audit.Rule]:
    return [rule for rule in rules if not rule.kept]


def test_every_rule_of_graphql_over_http_is_kept(audited: str) -> None:
    rules = audit.over_http(audited)
    assert len(rules) == 61
    assert broken(rules) == []


def test_every_rule_of_graphql_transport_ws_is_kept(audited: str, demo_people: dict[str, Any]) -> None:
    rules = audit.over_websocket(audited, demo_people["beeline"]["owner"])
    assert len(rules) == 20
    assert broken(rules) == []
