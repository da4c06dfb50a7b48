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
TARIFFS = "{ tariffs(first: 2, filter: {kind: MOBILE}) { edges { node { id } } } }"
# What some operators do not offer, by who does.
OFFERED_BY = {"06-compare-tariffs": {"tele2"}}


def variables(example: Path, line: str, tariffs: list[str]) -> dict[str, Any]:
    """The variables beside an example, with a line of the viewer's and two tariffs, by their ids."""
    beside = example.with_suffix(".json")
    if not beside.exists():
        return {}
    text = beside.read_text()
    for place, id_ in {"line.id": line, "tariffs.one": tariffs[0], "tariffs.other": tariffs[1]}.items():
        text = text.replace(f"{{{{{place}}}}}", id_)
    given: dict[str, Any] = json.loads(text)
    return given


@pytest.mark.parametrize("operator", ["beeline", "letai", "life", "motiv", "tele2"])
async def test_every_example_answers_data(cabinet: Cabinet, demo_people: dict[str, Any], operator: str) -> None:
    owner = await cabinet.signed_in(operator, demo_people[operator]["owner"])
    [line] = (await owner.data(LINE))["viewer"]["linkedNumbers"]["edges"]
    tariffs = [edge["node"]["id"] for edge in (await owner.data(TARIFFS))["tariffs"]["edges"]]
    for example in QUERIES:
        answer = await owner.ask(TEXTS[example], **variables(example, line["node"]["id"], tariffs))
        told = [error["extensions"]["code"] for error in answer.get("errors", [])]
        is_offered = operator in OFFERED_BY.get(example.stem, {operator})
        assert told == ([] if is_offered else ["FEATURE_DISABLED"]), (example.stem, answer)
        assert not is_offered or all(value is not None for value in answer["data"].values()), (example.stem, answer)
