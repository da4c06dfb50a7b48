"""The table of SPEC 4.4, cell by cell, through GraphQL: role × scope of the link × line × session × operator.

What is expected is written down here once more, from the table and not from `domain/access.py`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest

from domain.profile import Profile
from tests import family
from tests.cabinet import Cabinet
from tests.databases import created
from tests.session import open_session

Open = Callable[..., Awaitable[Cabinet]]
OPERATORS = ("beeline", "letai", "life", "motiv", "tele2")

# As SPEC 4.4 has it. Y: always; L: where the link has the scope; A: as a question to the owner; –: never; C: below the
# age of own consent, above it where the link has the scope.
_TABLE = """
           own  child's-own  owner-on-child  adult-on-child  owner-on-adult  adult-on-adult  viewer  partial-own
VIEW       Y    Y            Y               L               L               L               L       Y
USAGE      Y    Y            Y               L               L               L               L       -
DETAILS    Y    Y            C               -               L               -               -       -
PAY        Y    Y            Y               Y               Y               Y               Y       Y
AUTOPAY    Y    -            Y               L               L               L               -       -
SERVICES   Y    A            Y               L               L               L               -       -
TARIFF     Y    A            Y               -               L               L               -       -
BLOCK      Y    Y            Y               L               L               L               -       -
LIMITS     Y    -            Y               L               L               -               -       -
TRANSFER   Y    A            Y               -               L               -               -       -
"""
_HEAD, *_ROWS = [row.split() for row in _TABLE.strip().splitlines()]
CELLS = {(scope, column): cell for scope, *cells in _ROWS for column, cell in zip(_HEAD, cells, strict=True)}
SCOPES = tuple(row[0] for row in _ROWS)

# Ann owns three households, in which Bob is an adult and Vera a viewer. Cid is 11, Dan is 15. What is linked to a
# household is ten numbers of strangers, of Cid or of Dan, with one scope each.
PEOPLE = {"OWNER": 0, "ADULT": 1, "VIEWER": 2, "CHILD": 3}
_DAN = 4
_STRANGERS, _CIDS, _DANS = 20, 40, 60

LINES = """
{ viewer { linkedNumbers(first: 100) { edges { node {
  msisdn myScopes
  balance { available { amount } } remains { name } connectedServices { totalCount } usage { items { __typename } }
} } } } }
"""


def _records(operator: str) -> Iterator[dict[str, Any]]:
    people = ("ann", "bob", "vera", "cid", "dan")
    ages = {"cid": "-11y", "dan": "-15y"}
    for index, name in enumerate(people):
        yield family.person(operator, name, **({"birth_date": ages[name]} if name in ages else {}))
        holder = "office" if name in ages else name
        if name == "ann":
            yield family.person(operator, "office")
        yield from family.mobile(operator, holder, index, name)
    for first, user in ((_STRANGERS, None), (_CIDS, "cid"), (_DANS, "dan")):
        household = f"house{first}"
        for index in range(first, first + len(SCOPES)):
            stranger = f"stranger{index}"
            if user is None:
                yield family.person(operator, stranger)
            yield from family.mobile(operator, "office" if user else stranger, index, user or stranger)
        child = {} if user is None else {user: "CHILD"}
        yield family.household(operator, household, ann="OWNER", bob="ADULT", vera="VIEWER", **child)
        for index, scope in enumerate(SCOPES, first):
            yield family.link(operator, household, family.number(operator, index), scope, confirmed_at="-40d")


@pytest.fixture(scope="module")
async def street(
    engine: str, empty_template: str, profiles: Mapping[str, Profile], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """The families of all five operators."""
    async with created(engine, "matrix", empty_template) as url:
        records = [record for operator in OPERATORS for record in _records(operator)]
        await family.load(url, profiles, tmp_path_factory.mktemp("matrix"), records)
        yield url


def _allowed(column: str, scope: str, linked: str | None, *, below_consent: bool = False) -> bool:
    cell = CELLS[scope, column]
    return cell in "YA" or (cell == "L" and scope == linked) or (cell == "C" and (below_consent or scope == linked))


def _expected(operator: str, role: str, level: str) -> dict[int, set[str]]:
    """What somebody sees of each line, by its index; without a scope it is not there."""
    own = PEOPLE[role]
    lines: dict[int, set[str]] = {}
    if role == "CHILD":
        for index in (own, *range(_CIDS, _CIDS + len(SCOPES))):
            lines[index] = {scope for scope in SCOPES if _allowed("child's-own", scope, None)}
    else:
        # Adults hold the contract of their own line.
        lines[own] = {scope for scope in SCOPES if _allowed("own", scope, None)} | {"DOCUMENTS", "CLOSE"}
        for first, whose in ((_STRANGERS, "adult"), (_CIDS, "child"), (_DANS, "child")):
            column = "viewer" if role == "VIEWER" else f"{role.lower()}-on-{whose}"
            for index, linked in enumerate(SCOPES, first):
                below = first == _CIDS
                lines[index] = {s for s in SCOPES if _allowed(column, s, linked, below_consent=below)}
        if role == "OWNER":
            # A child's number is looked after without a link too.
            for index, below in ((PEOPLE["CHILD"], True), (_DAN, False)):
                lines[index] = {s for s in SCOPES if _allowed("owner-on-child", s, None, below_consent=below)}
    if operator == "life":  # its seed: the contract's holder only (000:62)
        lines = {index: scopes - {"BLOCK"} if "CLOSE" not in scopes else scopes for index, scopes in lines.items()}
    if level == "PARTIAL":
        mine = {own} if role != "CHILD" else set(lines)
        partial = {scope for scope in SCOPES if CELLS[scope, "partial-own"] == "Y"}
        lines = {index: scopes & (partial if index in mine else {"PAY"}) for index, scopes in lines.items()}
    return {index: scopes for index, scopes in lines.items() if scopes}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("role", list(PEOPLE))
@pytest.mark.parametrize("level", ["FULL", "PARTIAL"])
async def test_i8_f047_the_whole_table_of_rights(
    street: str, opened: Open, operator: str, role: str, level: str
) -> None:
    token = await open_session(street, operator, family.number(operator, PEOPLE[role]), level)
    viewer = (await (await opened(street)).of(operator, token).data(LINES))["viewer"]
    seen = {edge["node"]["msisdn"]: edge["node"] for edge in viewer["linkedNumbers"]["edges"]}
    expected = {family.number(operator, index): scopes for index, scopes in _expected(operator, role, level).items()}
    assert {msisdn: set(node["myScopes"]) for msisdn, node in seen.items()} == expected
    for node in seen.values():
        scopes = set(node["myScopes"])
        # What is told is what is said to be allowed, and nothing else.
        for field in ("balance", "remains", "connectedServices"):
            assert (node[field] is not None) == ("VIEW" in scopes), (field, node)
        assert (node["usage"] is not None) == ("USAGE" in scopes), node


def test_the_table_is_as_large_as_the_specification_says() -> None:
    cells = sum(
        len(SCOPES) * len(_expected(operator, role, level))
        for operator in OPERATORS
        for role in PEOPLE
        for level in ("FULL", "PARTIAL")
    )
    assert len(CELLS) == 80
    assert cells >= 2_000
