"""On which line each value of a TOML text stands, for messages that name it: `tomllib` gives the values alone."""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping

Place = tuple[str | int, ...]
"""Where a value is: the keys and the places in lists on the way to it, such as `("tariffs", 0, "fee")`."""

_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})' r"|'''.*?'''(?:'{0,2})" r'|"(?:[^"\\]|\\.)*"' r"|'[^']*'", re.DOTALL
)
# A date may have a space in it, so whatever is no string ends where the list, the table or the line does.
_PLAIN = re.compile(r"[^,\]}#\n]+")
_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


def toml_lines(text: str) -> Mapping[Place, int]:
    """The line, counted from 1, of every table, key and list item of a text that `tomllib` takes."""
    return _Scanner(text).scan()


def line_of(lines: Mapping[Place, int], place: Place) -> int:
    """The line of a place; of what is missing, the line of what it is missing from."""
    known = (place[:length] for length in range(len(place), 0, -1))
    return next((lines[each] for each in known if each in lines), 1)


class _Scanner:
    """Goes through a text that is known to be TOML, so it only has to find where keys and values begin and end."""

    def __init__(self, text: str) -> None:
        # As tomllib does, so that both count the same lines.
        self._text = text.replace("\r\n", "\n")
        self._ends = [found.start() for found in re.finditer("\n", self._text)]
        self._at = 0
        self._lines: dict[Place, int] = {}
        self._tables: dict[Place, int] = {}

    def scan(self) -> Mapping[Place, int]:
        table: Place = ()
        self._skip(_BLANK_LINES)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK_LINES)
        return self._lines

    def _header(self) -> Place:
        """`[table]`, or `[[table]]`, which begins one more of a list."""
        line = self._line()
        is_list = self._text.startswith("[[", self._at)
        self._at += 1 + is_list
        *parents, last = self._keys()
        self._at += 1 + is_list
        place: Place = ()
        for key in parents:
            place = (*place, key)
            self._lines.setdefault(place, line)
            # Into the last table of a list.
            place = (*place, self._tables[place] - 1) if place in self._tables else place
        place = (*place, last)
        if is_list:
            count = self._tables[place] = self._tables.get(place, 0) + 1
            self._lines.setdefault(place, line)
            place = (*place, count - 1)
        self._lines.setdefault(place, line)
        return place

    def _pair(self, table: Place) -> None:
        """`key = value`."""
        line = self._line()
        keys = self._keys()
        self._at += 1
        place = table
        for key in keys:
            place = (*place, key)
            self._lines.setdefault(place, line)
        self._skip(_BLANK)
        self._value(place)

    def _keys(self) -> list[str]:
        """`a."b".c`, up to what comes after it."""
        keys = []
        while True:
            self._skip(_BLANK)
            found = self._skip(_KEY)
            keys.append(next(iter(tomllib.loads(f"{found} = 0"))) if found[0] in "\"'" else found)
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _value(self, place: Place) -> None:
        match self._text[self._at]:
            case "[":
                self._list(place)
            case "{":
                self._table(place)
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_PLAIN)

    def _list(self, place: Place) -> None:
        self._at += 1
        for index in range(len(self._text)):
            self._skip(_BLANK_LINES)
            if self._text[self._at] == "]":
                break
            self._lines[*place, index] = self._line()
            self._value((*place, index))
            self._skip(_BLANK_LINES)
            self._at += self._text[self._at] == ","
        self._at += 1

    def _table(self, place: Place) -> None:
        self._at += 1
        self._skip(_BLANK_LINES)
        while self._text[self._at] != "}":
            self._pair(place)
            self._skip(_BLANK_LINES)
            self._at += self._text[self._at] == ","
            self._skip(_BLANK_LINES)
        self._at += 1

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return found[0]

    def _line(self) -> int:
        return bisect_right(self._ends, self._at - 1) + 1
