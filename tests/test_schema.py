"""The schema as a user interface: everything is described, what is committed is what is served."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    parse,
    validate,
)

import schema
from schema.schema import sdl

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "graphiql/examples").glob("*.graphql"))


@pytest.fixture(scope="module")
def served() -> GraphQLSchema:
    return build_schema(sdl())


def test_schema_is_our_package() -> None:
    """PyPI has one of the same name."""
    assert schema.__file__ is not None
    assert Path(schema.__file__).parent == ROOT / "schema"


def test_committed_schema_is_the_served_one() -> None:
    assert (ROOT / "schema/schema.graphql").read_text() == sdl(), "run `make sdl`"


def test_every_type_field_and_argument_is_described_without_a_full_stop(served: GraphQLSchema) -> None:
    lacking = []

    def check(name: str, description: str | None) -> None:
        if not description or description.rstrip().endswith("."):
            lacking.append(name)

    for name, type_ in served.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        check(name, type_.description)
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                check(f"{name}.{field_name}", field.description)
                for argument_name, argument in field.args.items():
                    check(f"{name}.{field_name}({argument_name}:)", argument.description)
        if isinstance(type_, GraphQLInputObjectType):
            for field_name, input_field in type_.fields.items():
                check(f"{name}.{field_name}", input_field.description)
    assert lacking == []


def test_every_mutation_takes_one_input_and_answers_a_payload(served: GraphQLSchema) -> None:
    assert served.mutation_type is not None
    for name, field in served.mutation_type.fields.items():
        assert list(field.args) == ["input"], name
        payload = served.get_type(str(field.type).rstrip("!"))
        assert isinstance(payload, GraphQLObjectType)
        assert "Payload" in {interface.name for interface in payload.interfaces}, name


def test_codes_are_enums_with_values(served: GraphQLSchema) -> None:
    codes = served.get_type("ErrorCode")
    assert isinstance(codes, GraphQLEnumType)
    assert {"INVALID_INPUT", "FEATURE_DISABLED", "RATE_LIMITED"} <= set(codes.values)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_of_graphiql_is_valid(served: GraphQLSchema, example: Path) -> None:
    text = example.read_text()
    assert text.startswith("# "), "the first comment is the example's title"
    assert validate(served, parse(text)) == []
