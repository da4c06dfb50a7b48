"""How the resolver of a field is called: past Strawberry's wrapping where nothing in it is of use, else through it."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLInputType,
    GraphQLNonNull,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    VariableNode,
    default_field_resolver,
    get_argument_values,
    is_leaf_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from execution.batched import MARK, Batched, answers_load
from execution.place import Place, Run

Keywords = Callable[[Run], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value is an attribute of the object."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """The value is what `resolve` answers, called with the object and a run; `later` when it has to be awaited."""

    resolve: Callable[[Any, Run], Any]
    later: bool


class Calls:
    """Decides for the fields of one schema."""

    def __init__(self, converter: GraphQLCoreConverter | None) -> None:
        self._converter = converter
        # Plain resolvers that turned out to answer awaitables.
        self.awaited: set[tuple[str, str]] = set()

    def of(self, place: Place) -> Attribute | Batched | Call:
        """How to get the value of a field."""
        definition = place.definition
        if definition.subscribe is not None:
            # The field of an event: Strawberry's own resolver gives the source of events, which this is one of.
            return self._wrapped(place)
        field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if not isinstance(field, StrawberryField) or self._converter is None or not _is_bare(field, self._converter):
            return self._wrapped(place)
        if field.base_resolver is None:
            if field.default_resolver is getattr:
                return Attribute(field.python_name)
            return self._wrapped(place)
        mark = field.metadata.get(MARK)
        if isinstance(mark, Batched):
            return mark
        return self._bare(place, field, self._converter)

    def _bare(self, place: Place, field: StrawberryField, converter: GraphQLCoreConverter) -> Call:
        """A resolver without permissions and other extensions: called with what its parameters ask for."""
        resolver = field.base_resolver
        assert resolver is not None
        function: Any = resolver.wrapped_func
        later = field.is_async or answers_load(function) or place.coordinates in self.awaited
        index, told = place.index, resolver.info_parameter
        positional = resolver.self_parameter is not None
        named = [each.name for each in (resolver.parent_parameter, resolver.root_parameter) if each is not None]
        if told is not None:
            info_class: Any = converter.config.info_class
            place.told = lambda run: info_class(_raw_info=run.infos[index], _field=field)
        keywords = _keywords(place, field, converter)
        if positional and not named and told is not None and keywords is None:
            name = told.name
            return Call(lambda value, run: function(value, **{name: run.told[index]}), later)

        def resolve(value: Any, run: Run) -> Any:
            given = {} if keywords is None else {**keywords(run)}
            for name in named:
                given[name] = value
            if told is not None:
                given[told.name] = run.told[index]
            return function(value, **given) if positional else function(**given)

        return Call(resolve, later)

    def _wrapped(self, place: Place) -> Call:
        """The resolver as graphql-core would call it."""
        definition, node, index = place.definition, place.nodes[0], place.index
        resolver: Any = definition.resolve or default_field_resolver
        later = iscoroutinefunction(resolver) or place.coordinates in self.awaited
        if not definition.args:
            return Call(lambda value, run: resolver(value, run.infos[index]), later)

        def resolve(value: Any, run: Run) -> Any:
            return resolver(value, run.infos[index], **get_argument_values(definition, node, run.variables))

        return Call(resolve, later)


def _is_bare(field: StrawberryField, converter: GraphQLCoreConverter) -> bool:
    """Whether Strawberry would do nothing but call the resolver."""
    return (
        not field.extensions
        and not converter._get_field_exception_handlers(field)
        and type(field).get_result is StrawberryField.get_result
    )


def _keywords(place: Place, field: StrawberryField, converter: GraphQLCoreConverter) -> Keywords | None:
    """What gives the arguments of a field; None where it has none.

    They are the same for all objects. Only what a resolver could change in its hands is made anew for each.
    """
    definition, node, index = place.definition, place.nodes[0], place.index
    if not definition.args:
        return None
    config, registry = converter.config, converter.scalar_registry

    def converted(values: dict[str, Any], run: Run | None) -> dict[str, Any]:
        # The info is for input types that build themselves.
        told = None if run is None else config.info_class(_raw_info=run.infos[index], _field=field)  # type: ignore[arg-type]
        return convert_arguments(values, field.arguments, scalar_registry=registry, config=config, info=told)

    given = [each.value for each in node.arguments or ()]
    named = {each.name.value for each in node.arguments or ()}
    shared = all(
        is_leaf_type(_nullable(each.type)) or (name not in named and not _has_default(each))
        for name, each in definition.args.items()
    )
    if shared and not any(isinstance(each, ListValueNode | ObjectValueNode) for each in given):
        if not any(isinstance(each, VariableNode) for each in given):
            constant = converted(get_argument_values(definition, node), None)
            return lambda run: constant

        place.keywords = lambda run: converted(get_argument_values(definition, node, run.variables), run)
        return lambda run: run.keywords[index]
    return lambda run: converted(get_argument_values(definition, node, run.variables), run)


def _has_default(argument: GraphQLArgument) -> bool:
    given = argument.default_value is not None and argument.default_value is not Undefined
    return given or argument.default is not None


def _nullable(kind: GraphQLInputType) -> GraphQLInputType:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind
