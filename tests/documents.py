"""Documents made up from the schema: valid queries of every shape, with variables, by a random generator."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
)

from resolvers.node import _FINDERS
from resolvers.node_id import encode

# They count guesses, or answer something else each time.
NOT_TWICE = {"guestGrant", "socialAuthorizationUrl", "msisdn", "accountNumber", "guest"}
_DEEPEST = 8
_MOST_FIELDS = 70
_TEXTS = {
    "String": ["", "a", "пакет", "Домашний интернет", "x" * 70, "eyJub3QiOiJhIGN1cnNvciJ9"],
    "MSISDN": ["79031234567", "8 (903) 123-45-67", "nonsense", ""],
    "AccountNumber": ["512004471", "x"],
    "Decimal": ["10.00", "0", "-5", "99999999999999999999", "1e5", "abc"],
    "Date": ["2026-11-01", "2026-10-01", "2026-11-30", "1970-01-01"],
    "DateTime": ["2026-11-01T00:00:00+00:00", "2030-01-01T00:00:00Z"],
    "URL": ["https://lk.example.ru/social"],
    "Bytes": ["1073741824", "0"],
}


@dataclass
class Written:
    """A document, and the variables that it is sent with."""

    text: str
    variables: dict[str, Any]


@dataclass
class Author:
    """Writes documents for a schema; the same ones for the same random."""

    schema: GraphQLSchema
    random: Random
    _declared: dict[str, str] = field(default_factory=dict)
    _given: dict[str, Any] = field(default_factory=dict)
    _fragments: dict[str, str] = field(default_factory=dict)
    _left: int = 0
    _aliases: int = 0

    def document(self) -> Written:
        self._begin()
        assert self.schema.query_type is not None
        # Most is behind these.
        starts = self.random.choice(((), ("viewer",), ("viewer",), ("viewer", "node"), ("nodes",)))
        return self._written("query", self._selection(self.schema.query_type, _DEEPEST, starts))

    def subscription(self, name: str, arguments: str = "") -> Written:
        """One that follows that field of the schema, given these arguments as they are written."""
        self._begin()
        assert self.schema.subscription_type is not None
        kind = get_named_type(self.schema.subscription_type.fields[name].type)
        alias = self.random.choice(("", "told: "))
        field = f"{alias}{name}{arguments} {self._selection(kind, _DEEPEST - 1)}"
        if self.random.random() < 0.3:
            self._fragments["Root"] = f"fragment Root on Subscription {{ {field} }}"
            field = "...Root"
        return self._written("subscription", f"{{ {field} }}")

    def _begin(self) -> None:
        self._declared, self._given, self._fragments, self._aliases = {}, {}, {}, 0
        self._left = self.random.choice((5, 20, 40, _MOST_FIELDS))

    def _written(self, kind: str, body: str) -> Written:
        head = ", ".join(f"${name}: {kind}" for name, kind in self._declared.items())
        text = f"{kind} Made{f'({head})' if head else ''} {body}\n"
        return Written("\n".join([text, *self._fragments.values()]), self._given)

    def _selection(self, kind: GraphQLNamedType, depth: int, wanted: tuple[str, ...] = ()) -> str:
        lines = list(self._selections(kind, depth, wanted))
        return "{ " + (" ".join(lines) or "__typename") + " }"

    def _selections(self, kind: GraphQLNamedType, depth: int, wanted: tuple[str, ...]) -> Iterator[str]:
        if self.random.random() < 0.15:
            yield "__typename"
        if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
            possible = list(self.schema.get_possible_types(kind))
            for each in self.random.sample(possible, min(len(possible), self.random.randint(1, 4))):
                yield f"... on {each.name}{self._condition()} {self._selection(each, depth - 1)}"
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            return
        names = [name for name in kind.fields if name not in NOT_TWICE and self._reaches(kind.fields[name], depth)]
        few = self.random.randint(1, 5)
        chosen = [*wanted, *self.random.sample(names, min(len(names), few))]
        if "edges" in names and self.random.random() < 0.8:
            chosen.append("edges")
        for name in dict.fromkeys(chosen):
            if self._left <= 0:
                return
            text = self._field(name, kind.fields[name], depth)
            shape = self.random.random()
            if shape < 0.08:
                yield f"...{self._condition()} {{ {text} }}"
            elif shape < 0.16:
                yield f"... on {kind.name}{self._condition()} {{ {text} }}"
            elif shape < 0.24 and len(self._fragments) < 20:
                name = f"F{len(self._fragments)}"
                self._fragments[name] = f"fragment {name} on {kind.name} {{ {text} }}"
                yield f"...{name}{self._condition()}"
                if self.random.random() < 0.3:
                    yield f"...{name}"
            else:
                yield text
                if shape > 0.95:
                    yield text

    def _reaches(self, definition: GraphQLField, depth: int) -> bool:
        return depth > 1 or is_leaf_type(get_named_type(definition.type))

    def _field(self, name: str, definition: GraphQLField, depth: int) -> str:
        self._left -= 1
        alias = ""
        # Fields of one name with other arguments would not go together.
        if self._aliases < 25 and (definition.args or self.random.random() < 0.1):
            self._aliases += 1
            alias = f"a{self._aliases}: "
        kind = get_named_type(definition.type)
        given = [f"{argument}: {text}" for argument, text in self._arguments(definition)]
        inside = "" if is_leaf_type(kind) else f" {self._selection(kind, depth - 1)}"
        return f"{alias}{name}{f'({chr(44).join(given)})' if given else ''}{self._condition()}{inside}"

    def _arguments(self, definition: GraphQLField) -> Iterator[tuple[str, str]]:
        for name, argument in definition.args.items():
            # What is made up is hardly ever a cursor.
            if name == "after" and self.random.random() < 0.95:
                continue
            if is_required_argument(argument) or (not self._aliases >= 25 and self.random.random() < 0.4):
                yield name, self._argument(name, argument)

    def _argument(self, name: str, argument: GraphQLArgument) -> str:
        value = self._value(name, argument.type)
        if self.random.random() < 0.35 and len(self._declared) < 20:
            variable = f"v{len(self._declared)}"
            self._declared[variable] = str(argument.type)
            shape = self.random.random()
            if shape < 0.15 and not is_non_null_type(argument.type):
                return f"${variable}"  # nothing is given for it
            if shape < 0.3:
                self._declared[variable] += f" = {_literal(argument.type, value)}"
                return f"${variable}"
            self._given[variable] = value
            return f"${variable}"
        return _literal(argument.type, value)

    def _condition(self) -> str:
        if self.random.random() > 0.06 or len(self._declared) >= 20:
            return ""
        directive = self.random.choice(("skip", "include"))
        if self.random.random() < 0.4:
            return f" @{directive}(if: {self.random.choice(('true', 'false'))})"
        variable = self.random.choice(("yes", "no"))
        if variable not in self._declared:
            self._declared[variable] = self.random.choice(("Boolean!", "Boolean! = true", "Boolean = false"))
            if "=" not in self._declared[variable] or self.random.random() < 0.5:
                self._given[variable] = self.random.random() < 0.5
        return f" @{directive}(if: ${variable})"

    def _value(self, name: str, kind: GraphQLInputType) -> Any:
        if not is_non_null_type(kind) and self.random.random() < 0.08:
            return None
        bare = get_nullable_type(kind)
        if is_list_type(bare):
            return [self._value(name, bare.of_type) for _ in range(self.random.randint(0, 3))]
        if isinstance(bare, GraphQLEnumType):
            return self.random.choice(list(bare.values))
        if isinstance(bare, GraphQLInputObjectType):
            return self._object(bare)
        match str(bare):
            case "Int":
                usual = self.random.random() < 0.97
                return self.random.choice((1, 2, 3, 5)) if usual else self.random.choice((0, -1, 100, 101, 2**31 - 1))
            case "Boolean":
                return self.random.random() < 0.5
            case "Float":
                return self.random.choice((0.0, 1.5))
            case "ID":
                return self._id(name)
        return self.random.choice(_TEXTS[str(bare)])

    def _object(self, kind: GraphQLInputObjectType) -> dict[str, Any]:
        names = [name for name in kind.fields if name not in NOT_TWICE]
        if kind.is_one_of:
            name = self.random.choice(names)
            inside = kind.fields[name].type
            value = self._value(name, inside)
            return {name: "x" if value is None else value}
        return {
            name: self._value(name, kind.fields[name].type)
            for name in names
            if is_non_null_type(kind.fields[name].type) or self.random.random() < 0.4
        }

    def _id(self, name: str) -> str:
        if self.random.random() < 0.05:
            return self.random.choice(("", "nonsense", "🏠"))
        named = {"lineId": "Line", "availableForLine": "Line", "accountId": "PersonalAccount"}.get(name)
        return encode(named or self.random.choice(list(_FINDERS)), self.random.randint(1, 40))


def _literal(kind: GraphQLInputType, value: Any) -> str:
    """A value as it stands in a document."""
    bare = get_nullable_type(kind)
    if value is None:
        return "null"
    if isinstance(bare, GraphQLEnumType):
        return str(value)
    if is_list_type(bare):
        return "[" + ", ".join(_literal(bare.of_type, each) for each in value) + "]"
    if isinstance(bare, GraphQLInputObjectType):
        inside = (f"{name}: {_literal(bare.fields[name].type, each)}" for name, each in value.items())
        return "{" + ", ".join(inside) + "}"
    return json.dumps(value, ensure_ascii=False)
