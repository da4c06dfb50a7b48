"""From an operation to Python source: one function for each selection, which takes an object and gives its answer.

    def select_3(o, r):  # Line
        if o.__class__ not in plain:
            plain.check(o)
        if not is_type_3(o, r.infos[2]):
            wrong_type()
        v7 = o.msisdn
        out = {
            "msisdn": (None if v7 is None else MSISDN_value(v7)),
            "balance": None,
        }
        r.queues[4].append((o, out))
        return out

What has to be awaited is a step: the object waits in the step's queue together with its answer, until its level is
run (`execution/program.py`), and a function of the step puts the values into their places.
"""

import marshal
from collections.abc import Callable
from itertools import count
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    default_type_resolver,
    get_operation_ast,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from graphql.type import GraphQLLeafType

from execution.anomaly import Anomaly, CannotCompile
from execution.batched import Batched
from execution.calls import Attribute, Call, Calls
from execution.place import Operation, Place
from execution.program import Program, Select, Step
from execution.values import (
    ByType,
    OfType,
    Plain,
    always_text,
    encoded_classes,
    is_by_class,
    leaf,
    listed,
    null,
    unchanged,
    wrong_type,
)

# Beyond this an operation takes longer to compile than it could ever win back.
_MOST_PLACES = 1_000
_INTROSPECTION = (SchemaMetaFieldDef, TypeMetaFieldDef)
# What a place holds beside its code: nodes, names, closures.
_BYTES_OF_A_PLACE = 1_500


class Compiler:
    """Compiles operations of one schema. What leaves and resolvers need is made once, for all operations."""

    def __init__(self, schema: GraphQLSchema, calls: Calls) -> None:
        self.schema = schema
        self.calls = calls
        self.plain = Plain()
        self._objects: dict[str, OfType] = {}
        self._leaves: dict[str, Callable[[Any], Any]] = {}

    def compile(self, document: DocumentNode, operation_name: str | None, variables: VariableValues) -> Program:
        """The program of a query.

        Of the variables only those count that its @skip and @include ask for. Raises `CannotCompile`.
        """
        return self._compile(document, operation_name, variables, OperationType.QUERY)

    def compile_event(self, document: DocumentNode, operation_name: str | None, variables: VariableValues) -> Program:
        """The same for what a subscription selects of an event, which is the program's root."""
        return self._compile(document, operation_name, variables, OperationType.SUBSCRIPTION)

    def _compile(
        self, document: DocumentNode, operation_name: str | None, variables: VariableValues, kind: OperationType
    ) -> Program:
        node = get_operation_ast(document, operation_name)
        if node is None:
            raise CannotCompile("no such operation")
        if node.operation is not kind:
            raise CannotCompile(node.operation.value)
        try:
            return _Writing(self, document, node, variables).program()
        except RecursionError:
            raise CannotCompile("nested too deeply") from None
        except GraphQLError:
            raise CannotCompile("an argument or a directive is wrong") from None

    def objects(self, kind: GraphQLObjectType) -> OfType:
        """The classes of a type whose `is_type_of` asks for nothing else."""
        known = self._objects.get(kind.name)
        if known is None:
            assert kind.is_type_of is not None
            known = self._objects[kind.name] = OfType(kind.is_type_of, self.plain)
        return known

    def leaf(self, kind: GraphQLLeafType) -> Callable[[Any], Any]:
        """What completes the values of a scalar or an enum."""
        known = self._leaves.get(kind.name)
        if known is None:
            known = self._leaves[kind.name] = leaf(kind, self.plain)
        return known


class _Writing:
    """The source of one operation while it is written."""

    def __init__(
        self, compiler: Compiler, document: DocumentNode, node: OperationDefinitionNode, variables: VariableValues
    ) -> None:
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        if any(each.variable_definitions for each in fragments.values()):
            raise CannotCompile("variables of fragments")
        self._compiler = compiler
        self._schema = compiler.schema
        self._details = {name: FragmentDetails(each) for name, each in fragments.items()}
        self._operation = Operation(compiler.schema, node, fragments)
        self._variables = variables
        self._program = Program()
        self._steps = self._weightless = 0
        self._unfinished: list[Step] = []
        self._numbers = count()
        self._source: list[str] = []
        self._names: dict[str, Any] = {
            "plain": compiler.plain,
            "null": null,
            "listed": listed,
            "wrong_type": wrong_type,
        }

    def program(self) -> Program:
        """Write everything. Raises `CannotCompile`, and GraphQLError for arguments that are wrong."""
        node = self._operation.node
        root = self._schema.get_root_type(node.operation)
        assert root is not None  # the document is valid
        collected = collect_fields(self._schema, self._details, self._variables, root, node)
        self._program.select = self._compiled(self._selection(root, collected.grouped_field_set, 0, None))
        return self._program

    def _compiled(self, name: str) -> Any:
        """Compile what has been written since the last time; gives what `name` stands for in it."""
        source = "\n".join(self._source)
        self._source.clear()
        code = compile(source, "<GraphQL operation>", "exec")
        exec(code, self._names)  # noqa: S102 - written here, of names that GraphQL and Python allow
        for step in self._unfinished:
            step.finish = self._names[f"finish_{step.index}"]
        self._program.source += source
        self._program.size += len(marshal.dumps(code)) + _BYTES_OF_A_PLACE * self._weightless
        self._unfinished, self._weightless = [], 0
        return self._names[name]

    def _selection(self, kind: GraphQLObjectType, fields: GroupedFieldSet, level: int, place: Place | None) -> str:
        """Write the function that selects these fields of an object; gives its name.

        `place` is the field that the object is the value of; without one it is the root, which is taken as it is.
        """
        number = next(self._numbers)
        lines = [f"def select_{number}(o, r):  # {kind.name}"]
        if place is not None:
            plain = ["    if o.__class__ not in plain:", "        plain.check(o)"]
            if kind.is_type_of is None:
                lines += plain
            elif is_by_class(kind.is_type_of):
                objects = self._named(f"objects_{number}", self._compiler.objects(kind))
                lines += [f"    if o.__class__ not in {objects}:"]
                lines += [f"        {objects}.check(o, r.infos[{place.index}])"]
            else:
                lines += plain
                test = self._named(f"is_type_{number}", kind.is_type_of)
                lines += [f"    if not {test}(o, r.infos[{place.index}]):", "        wrong_type()"]
        entries: list[str] = []
        waiting: list[int] = []
        for key, details in fields.items():
            name = details[0].node.name.value
            if name == "__typename":
                entries.append(f"        {key!r}: {kind.name!r},")
                continue
            inner = self._place(key, kind, details)
            match self.calls(inner):
                case Attribute(attribute):
                    lines.append(f"    v{inner.index} = o.{attribute}")
                case Call(resolve, later=False):
                    call = self._named(f"call_{inner.index}", resolve)
                    lines.append(f"    v{inner.index} = {call}(o, r)")
                    lines.append(f"    if v{inner.index}.__class__ not in plain:")
                    lines.append(f"        plain.check_answer(v{inner.index}, {inner.coordinates!r})")
                case Call() | Batched() as source:
                    waiting.append(self._step(inner, source, details, level))
                    entries.append(f"        {key!r}: None,")
                    continue
            entries.append(
                f"        {key!r}: {self._value(inner.definition.type, f'v{inner.index}', inner, details, level)},"
            )
        lines += ["    out = {", *entries, "    }"]
        if len(waiting) > 1:
            lines += ["    waits, queues = (o, out), r.queues"]
            lines += [f"    queues[{step}].append(waits)" for step in waiting]
        else:
            lines += [f"    r.queues[{step}].append((o, out))" for step in waiting]
        lines += ["    return out", ""]
        self._source.append("\n".join(lines))
        return f"select_{number}"

    def calls(self, place: Place) -> Attribute | Batched | Call:
        """Where a field's value comes from."""
        return self._compiler.calls.of(place)

    def _place(self, key: str, kind: GraphQLObjectType, details: FieldDetailsList) -> Place:
        nodes = [each.node for each in details]
        definition = self._schema.get_field(kind, nodes[0].name.value)
        assert definition is not None  # the document is valid
        if definition in _INTROSPECTION:
            raise CannotCompile("introspection")
        places = self._program.places
        place = Place(len(places), key, nodes, kind, definition, self._operation)
        places.append(place)
        self._weightless += 1
        if len(places) > _MOST_PLACES:
            raise CannotCompile("too many fields")
        return place

    def _step(self, place: Place, source: Call | Batched, details: FieldDetailsList, level: int) -> int:
        """Write what puts the values of a step where they belong; gives the number of the step."""
        step = Step(self._steps, source)
        self._steps += 1
        self._unfinished.append(step)
        levels = self._program.levels
        while len(levels) <= level:
            levels.append([])
        levels[level].append(step)
        value = self._value(place.definition.type, "v", place, details, level + 1)
        self._source.append(
            f"def finish_{step.index}(waiting, values, r):\n"
            "    for (_, out), v in zip(waiting, values):\n"
            f"        out[{place.key!r}] = {value}\n"
        )
        return step.index

    def _value(self, kind: GraphQLOutputType, name: str, place: Place, details: FieldDetailsList, level: int) -> str:
        """The expression that completes the value which the variable `name` holds."""
        nullable = not is_non_null_type(kind)
        if is_non_null_type(kind):
            kind = kind.of_type
        nothing = "None" if nullable else "null()"
        if is_list_type(kind):
            item = f"x{next(self._numbers)}"
            inside = self._value(kind.of_type, item, place, details, level)
            items = f"({name} if {name}.__class__ is list or {name}.__class__ is tuple else listed({name}))"
            return f"({nothing} if {name} is None else [{inside} for {item} in {items}])"
        if is_leaf_type(kind):
            complete = self._named(f"{kind.name}_value", self._compiler.leaf(kind))
            if kind is GraphQLInt:
                fits = f"{name}.__class__ is int and -0x80000000 <= {name} <= 0x7FFFFFFF"
            elif (same := unchanged(kind)) is not None:
                fits = f"{name}.__class__ is {same.__name__}"
            elif classes := encoded_classes(kind):
                left = [self._named(f"{kind.name}_{each.__name__}", each) for each in classes]
                fits = " or ".join(f"{name}.__class__ is {each}" for each in left)
            else:
                if not always_text(kind):
                    return f"({nothing} if {name} is None else {complete}({name}))"
                text = self._named(f"{kind.name}_text", kind.coerce_output_value)
                known = f"{text}({name}) if {name}.__class__ in plain"
                return f"({nothing} if {name} is None else {known} else {complete}({name}))"
            return f"({name} if {fits} else {nothing} if {name} is None else {complete}({name}))"
        select = (
            self._abstract(kind, place, details, level)
            if is_abstract_type(kind)
            else self._object(kind, place, details, level)
        )
        return f"({nothing} if {name} is None else {select}({name}, r))"

    def _object(self, kind: GraphQLOutputType, place: Place, details: FieldDetailsList, level: int) -> str:
        assert is_object_type(kind)
        collected = collect_subfields(self._schema, self._details, self._variables, self._operation.node, kind, details)
        return self._selection(kind, collected.grouped_field_set, level, place)

    def _abstract(self, kind: GraphQLAbstractType, place: Place, details: FieldDetailsList, level: int) -> str:
        """Write the function that asks for the type of an object and selects what is selected of that type."""
        number = next(self._numbers)
        test = self._named(f"type_of_{number}", kind.resolve_type or default_type_resolver)
        self._named(f"abstract_{number}", kind)

        def select(name: str) -> Select:
            # Of many possible types few are met: each is written when it is.
            possible = self._schema.get_type(name)
            if not is_object_type(possible) or not self._schema.is_sub_type(kind, possible):
                raise Anomaly("an object of an unknown type")
            selection: Select = self._compiled(self._object(possible, place, details, level))
            return selection

        self._named(f"by_type_{number}", ByType(select))
        self._source.append(
            f"def select_{number}(o, r):  # {kind.name}\n"
            "    if o.__class__ not in plain:\n"
            "        plain.check(o)\n"
            f"    return by_type_{number}[{test}(o, r.infos[{place.index}], abstract_{number})](o, r)\n"
        )
        return f"select_{number}"

    def _named(self, name: str, value: Any) -> str:
        """Give the source a name for something that is not written in it."""
        self._names[name] = value
        return name
