"""What the README shows is what happens."""

import json
import re
from pathlib import Path
from typing import Any

from tests.cabinet import Cabinet

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()


def block(language: str) -> str:
    """The first block of code in a language."""
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


async def test_first_query_answers_the_demo_household_as_printed(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    answer = await owner.ask(block("graphql"))
    answer.pop("extensions")
    assert answer == json.loads(block("json"))
