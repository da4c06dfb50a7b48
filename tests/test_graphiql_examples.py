"""Every example that GraphiQL offers, run for every operator as the demo owner."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cabinet import Cabinet

FOLDER = Path(__file__).resolve().parent.parent / "graphiql/examples"
TEXTS = {path: path.read_text() for path in sorted(FOLDER.glob("*.graphql"))}
QUERIES = [path for path, text in TEXTS.items() if "\nquery " in f"\n{text}"]
LINE = "{ viewer { linkedNumbers(first: 1) { edges { node { id } } } } }"


def variables(example: Path, line_id: str) -> dict[str, Any]:
    """The variables beside an example, with a line of the viewer's."""
    beside = example.with_suffix(".json")
    if not beside.exists():
        return {}
    given: dict[str, Any] = json.loads(beside.read_text().replace("{{line.id}}", line_id))
    return given


@pytest.mark.parametrize("operator", ["beeline", "letai", "life", "motiv", "tele2"])
@pytest.mark.parametrize("example", QUERIES, ids=lambda path: path.stem)
async def test_example_answers_data(
    cabinet: Cabinet, demo_people: dict[str, Any], operator: str, example: Path
) -> None:
    owner = await cabinet.signed_in(operator, demo_people[operator]["owner"])
    line_id = (await owner.data(LINE))["viewer"]["linkedNumbers"]["edges"][0]["node"]["id"]
    data = await owner.data(TEXTS[example], **variables(example, line_id))
    assert all(value is not None for value in data.values())
