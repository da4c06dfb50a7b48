"""On which line the values of a TOML text stand, whatever way it is written."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.toml_lines import Place, line_of, toml_lines

TEXT = '''# A comment with [[brackets]] and = signs
title = "not [a] table # nor a comment"  # but this is

[[tariffs]]  # the first
code = "a"
included = [
    { unit = "GB", amount = 1 },  # } ]

    { unit = "SMS", amount = 2 },
]
terms = """
[[tariffs]]
code = "no key at all"
quoted \\""" here """""
since = 1979-05-27 07:32:00

  [[tariffs.steps]]
  at = 1
  [[tariffs.steps]]
  at = [[1, 2], [3,
    4]]

[[ tariffs ]]
"code" = 'b'
price.per."big step" = 0x10
[tariffs.more]
deep = {a = {b = [true]}}
'''


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place of what a text says."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*at, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from places(each, (*at, index))


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("title",), 2),
        (("tariffs",), 4),
        (("tariffs", 0), 4),
        (("tariffs", 0, "code"), 5),
        (("tariffs", 0, "included", 0, "unit"), 7),
        (("tariffs", 0, "included", 1), 9),
        (("tariffs", 0, "included", 1, "amount"), 9),
        (("tariffs", 0, "terms"), 11),
        (("tariffs", 0, "since"), 15),
        (("tariffs", 0, "steps", 0, "at"), 18),
        (("tariffs", 0, "steps", 1, "at", 1, 1), 21),
        (("tariffs", 1), 23),
        (("tariffs", 1, "code"), 24),
        (("tariffs", 1, "price", "per", "big step"), 25),
        (("tariffs", 1, "more", "deep", "a", "b", 0), 27),
        # What is missing is missing from what is there.
        (("tariffs", 1, "name"), 23),
        (("tariffs", 0, "included", 0, "scope"), 7),
        (("services",), 1),
    ],
)
def test_a_value_is_found_on_its_line(place: Place, line: int, ends: str) -> None:
    assert line_of(toml_lines(TEXT.replace("\n", ends)), place) == line


def test_whatever_tomllib_reads_has_a_line() -> None:
    assert set(places(tomllib.loads(TEXT))) == set(toml_lines(TEXT))


KEY = st.text("abcXYZ019-_", min_size=1, max_size=5) | st.sampled_from(['"a b"', "'c.d'", '"e\\"[f]"', "''"])
SCALAR = st.one_of(
    st.integers(-9, 9).map(str),
    st.sampled_from(["true", '"# [x] = {y}"', "'\\'", '"""\n]]\n"""', "'''\n[[v]]\n'''", "2020-01-01 10:00:00", "1.5"]),
)
GAP = st.sampled_from(["", " ", "\n", " # ],}\n", "\n\n"])


def written_list(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.lists(st.tuples(GAP, items, GAP), max_size=3), st.booleans()).map(
        lambda told: "[" + ",".join("".join(each) for each in told[0]) + ("," if told[0] and told[1] else "") + "]"
    )


def written_table(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.tuples(KEY, items), max_size=3, unique_by=lambda pair: name(pair[0])).map(
        lambda pairs: "{" + ", ".join(f"{key} = {item}" for key, item in pairs) + "}"
    )


def name(key: str) -> str:
    return next(iter(tomllib.loads(f"{key} = 0")))


VALUE = st.recursive(SCALAR, lambda items: written_list(items) | written_table(items), max_leaves=6)
PAIRS = st.lists(st.tuples(KEY, VALUE), max_size=3, unique_by=lambda pair: name(pair[0]))
TABLES = st.lists(st.tuples(st.sampled_from(["t", "t.u", '"t"."v w"']), GAP, PAIRS), max_size=4)


@given(TABLES)
def test_a_value_is_found_however_it_is_written(tables: list[tuple[str, str, list[tuple[str, str]]]]) -> None:
    text = ""
    for header, gap, pairs in tables:
        text += f"[[{header}]]{gap if gap != '' else ' '}\n" + "".join(f"{key} = {item}\n" for key, item in pairs)
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a key and a table of one name
    lines = toml_lines(text)
    assert set(lines) == set(places(said))
    heads = [number for number, line in enumerate(text.split("\n"), 1) if line == "[[t]]" or line[:6] == "[[t]] "]
    items = said.get("t", [])
    assert [lines["t", index] for index in range(len(items) if isinstance(items, list) else 0)] == heads[: len(items)]
