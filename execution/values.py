"""Completing values: each function takes what a resolver answered, and gives what goes into the answer.

They take the common case and raise `Anomaly` for everything that graphql-core would answer with an error, or that it
would have to await: then it is asked to run the operation.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from inspect import iscoroutine
from types import WrapperDescriptorType
from typing import Any, NoReturn, TypeVar

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLID,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import is_iterable
from graphql.pyutils.is_awaitable import is_awaitable

from execution.anomaly import Anomaly, Awaits

# Built-in scalars answer instances of exactly these as they are.
_UNCHANGED: tuple[tuple[GraphQLLeafType, type], ...] = ((GraphQLString, str), (GraphQLID, str), (GraphQLBoolean, bool))

_MOST_CLASSES = 10_000

Selection = Callable[[Any, Any], dict[str, Any]]


class Plain(set[type]):
    """Classes whose objects are neither errors nor to be awaited, as far as they were met."""

    def check(self, value: Any) -> None:
        """Learn the class of a value. Raises `Anomaly` when it is an error or has to be awaited."""
        kind = value.__class__
        if value is Undefined:
            raise Anomaly("there is no value")
        if isinstance(value, Exception):
            raise Anomaly("a resolver answered an error")
        if is_awaitable(value):
            dispose(value)
            raise Anomaly("an attribute is an awaitable")
        # Who makes up attributes may have another answer for the next object.
        makes_up = any("__getattr__" in each.__dict__ for each in kind.__mro__)
        if not makes_up and isinstance(kind.__getattribute__, WrapperDescriptorType):
            if len(self) > _MOST_CLASSES:
                self.clear()
            self.add(kind)

    def check_answer(self, value: Any, field: tuple[str, str]) -> Any:
        """The same for what a plain resolver answered."""
        if is_awaitable(value):
            dispose(value)
            raise Awaits(field)
        self.check(value)
        return value


_BY_CLASS = "by_class"
Test = TypeVar("Test", bound=Callable[[Any, Any], bool])


def by_class(is_type_of: Test) -> Test:
    """Say of a type's `is_type_of` that it looks at nothing but an object's class: it is asked once for each."""
    setattr(is_type_of, _BY_CLASS, True)
    return is_type_of


def is_by_class(is_type_of: Callable[[Any, Any], Any]) -> bool:
    return getattr(is_type_of, _BY_CLASS, False)


class OfType(set[type]):
    """The classes of the objects of a type, as far as they were met."""

    def __init__(self, is_type_of: Callable[[Any, Any], Any], plain: Plain) -> None:
        self._is_type_of = is_type_of
        self._plain = plain

    def check(self, value: Any, info: Any) -> None:
        """Learn the class of an object. Raises `Anomaly` for one of another type."""
        if value.__class__ not in self._plain:
            self._plain.check(value)
        if not self._is_type_of(value, info):
            wrong_type()
        if value.__class__ in self._plain and len(self) < _MOST_CLASSES:
            self.add(value.__class__)


def dispose(value: Any) -> None:
    """Close a coroutine that nobody is going to await."""
    if iscoroutine(value):
        value.close()


def null() -> NoReturn:
    """There is nothing where something has to be."""
    raise Anomaly("null in a non-null position")


def listed(value: Any) -> Iterable[Any]:
    """The items of what is neither a plain list nor a tuple."""
    if not is_iterable(value) or hasattr(value, "__aiter__") or is_awaitable(value):
        dispose(value)
        raise Anomaly("a list is none")
    return value


def wrong_type() -> NoReturn:
    """The object is not of the type that its field promises."""
    raise Anomaly("an object of another type")


class ByType(dict[Any, Selection]):
    """Selections by the name of the type that an object of an interface or union turned out to be of."""

    def __init__(self, select: Callable[[str], Selection]) -> None:
        self._select = select

    def __missing__(self, name: Any) -> Selection:
        if not isinstance(name, str):
            dispose(name)
            raise Anomaly("an object of an unknown type")
        selection = self[name] = self._select(name)
        return selection


def leaf(kind: GraphQLLeafType, plain: Plain) -> Callable[[Any], Any]:
    """What completes the values of a scalar or an enum, but for null."""
    coerce = kind.coerce_output_value

    def complete(value: Any) -> Any:
        if value.__class__ not in plain:
            plain.check(value)
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise Anomaly("a leaf came to nothing")
        return coerced

    members = _text_members(kind)
    return Names(complete, members).__getitem__ if members else complete


def always_text(kind: GraphQLLeafType) -> bool:
    """Whether a scalar's function says that it answers text, whatever it is given that it takes."""
    coerce: Any = kind.coerce_output_value
    return coerce is str or getattr(coerce, "__annotations__", {}).get("return") is str


_ENCODED = "encoded"
Serialize = TypeVar("Serialize", bound=Callable[[Any], Any])


def encoded(*classes: type) -> Callable[[Serialize], Serialize]:
    """Say of a scalar's function that instances of exactly these may stay as they are in an answer.

    Whoever writes the answer as JSON writes them as the function would.
    """

    def mark(serialize: Serialize) -> Serialize:
        setattr(serialize, _ENCODED, classes)
        return serialize

    return mark


def encoded_classes(kind: GraphQLLeafType) -> tuple[type, ...]:
    """The classes whose instances a scalar leaves to the encoder."""
    classes: tuple[type, ...] = getattr(kind.coerce_output_value, _ENCODED, ())
    return classes


class Names(dict[Any, Any]):
    """What members of an enum of texts are completed to, and those texts: looked up once."""

    def __init__(self, complete: Callable[[Any], Any], members: type[Enum]) -> None:
        self._complete = complete
        self._members = members

    def __missing__(self, value: Any) -> Any:
        completed = self._complete(value)
        # A member equals its text, and what equals both may still be neither.
        if value.__class__ in (str, self._members):
            self[value] = completed
        return completed


def _text_members(kind: GraphQLLeafType) -> type[Enum] | None:
    """The Python enum of a GraphQL enum, if its members are texts, which are completed as the members are."""
    members = getattr(kind, "wrapped_cls", None)
    if not isinstance(kind, GraphQLEnumType) or not isinstance(members, type) or not issubclass(members, Enum):
        return None
    try:
        alike = all(
            isinstance(each, str) and kind.coerce_output_value(each) == kind.coerce_output_value(str(each.value))
            for each in members
        )
    except GraphQLError:
        return None
    return members if alike else None


def unchanged(kind: GraphQLLeafType) -> type | None:
    """The class whose instances a built-in scalar answers as they are."""
    return next((answered for scalar, answered in _UNCHANGED if scalar is kind), None)
