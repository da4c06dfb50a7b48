"""Every place of the schema that takes an id, and what to send there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from resolvers.node_id import encode
from tests import family
from tests.linking import FREE, OPERATOR

# What an id is of, by the name of the argument or the input field that takes it.
TYPES = {
    "lineId": "Line",
    "lineIds": "Line",
    "fromLineId": "Line",
    "personalAccountId": "PersonalAccount",
    "sessionId": "Session",
    "socialAccountId": "SocialAccount",
    "paymentMethodId": "PaymentMethod",
    "paymentId": "Payment",
    "ruleId": "AutopayRule",
    "linkId": "NumberLink",
    "linkRequestId": "LinkRequest",
    "requestId": "LinkRequest",
    "householdId": "Household",
    "memberId": "HouseholdMember",
    "toMemberId": "HouseholdMember",
    "invitationId": "HouseholdInvitation",
    "transferId": "OwnershipTransfer",
    "limitId": "UsageLimit",
    "approvalId": "ApprovalRequest",
    "grantId": "GuestGrant",
    "challengeId": "Challenge",
    "availableForLine": "Line",
    "subscriptionId": "ServiceSubscription",
    "historyEntryId": "TariffHistoryEntry",
}
# Where the same name is of something else.
OTHERS = {"removeRingbackRule.input.ruleId": "RingbackRule"}
# Names that the caller makes up, or that the catalogue gives to everybody.
NO_OBJECTS = {"idempotencyKey", "offerId", "serviceId", "tariffId", "toneId", "bundleId", "ids"}

# What each confirming mutation takes a code of.
PURPOSES = {
    "confirmRegistration": "REGISTER",
    "resetPassword": "RECOVER",
    "signInWithCode": "SIGN_IN",
    "confirmEmailBinding": "CHANGE_CONTACT",
    "stepUp": "STEP_UP",
    "resendCode": "STEP_UP",
    "confirmPayment": "PAYMENT",
    "confirmNumberLink": "LINK_NUMBER",
    "acceptOwnershipTransfer": "TRANSFER_OWNERSHIP",
}


@dataclass(frozen=True)
class Place:
    """Where an operation takes an id: `path` leads to it through the arguments of `field`, a root field's or, with a
    `parent`, a field's of that type.
    """

    root: str
    field: str
    path: tuple[str, ...]
    parent: str | None = None

    @property
    def type_name(self) -> str:
        """What the id is of."""
        return OTHERS.get(str(self), TYPES[self.path[-1]])

    def __str__(self) -> str:
        return ".".join((*filter(None, (self.parent, self.field)), *self.path))


def _fields(schema: GraphQLSchema) -> Iterator[tuple[str, str | None, str, GraphQLField]]:
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    for root, found in roots.items():
        assert found is not None
        for name, field in found.fields.items():
            yield root, None, name, field
    for type_name, inner in schema.type_map.items():
        if isinstance(inner, GraphQLObjectType) and inner not in roots.values() and not type_name.startswith("__"):
            for name, field in inner.fields.items():
                yield "query", type_name, name, field


def _ids(of: GraphQLInputType, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    named = get_named_type(of)
    if isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            yield from _ids(field.type, (*path, name))
    elif named.name == "ID":
        yield path


def places(schema: GraphQLSchema) -> list[Place]:
    """Every place that takes an id, however deep, those that are no object's too; but not `node` and `nodes`."""
    return [
        Place(root, name, path, parent)
        for root, parent, name, field in _fields(schema)
        for argument, of in field.args.items()
        for path in _ids(of.type, (argument,))
        if name not in ("node", "nodes")
    ]


# What is given where a required value is asked for, by its name; of an enum else the first.
_VALUES: dict[str, Any] = {
    "code": "000000",
    "password": family.PASSWORD,
    "newPassword": "Another2027",
    "amount": {"amount": "100.00", "currency": "RUB"},
    "threshold": {"amount": "50.00", "currency": "RUB"},
    "token": "a-token-of-the-bank-s",
    "msisdn": family.number(OPERATOR, FREE),
    "scopes": ["VIEW"],
    "expiresAt": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
    "limit": "100",
    "reason": "I did not pay this",
    "role": "ADULT",
    "approve": True,
    "allowRequests": True,
    "offerId": "nothing",
    "canTopUpSelf": True,
    "label": "Name",
    "name": "Name",
    # The catalogue's, which everybody may ask for; what it is matters to nobody here.
    "serviceId": encode("Service", 1),
    "tariffId": encode("Tariff", 1),
    "ids": [encode("Tariff", 1), encode("Tariff", 2)],
    "toneId": encode("RingbackTone", 1),
    "quoteToken": "no.token",
    "toMsisdn": family.number(OPERATOR, FREE),
    "gigabytes": 1,
    "value": "100",
    "mbps": 500,
}
# What is given though it may be left out, since the operation is refused without it before it looks at ids.
_ALSO = {
    "topUp": {"token"},
    "setAutopay": {"threshold", "lineId"},
    "inviteMember": {"msisdn"},
    "updateHousehold": {"name"},
    "setChildPolicy": {"canTopUpSelf"},
    "renameLine": {"label"},
    "confirmRegistration": {"code"},
    "connectService": {"quoteToken"},
    "extendInternet": {"quoteToken"},
}
# Where the other of two would be one too many.
_INSTEAD = {
    "setAutopay.input.ruleId": {"lineId"},
    "setAutopay.input.personalAccountId": {"lineId"},
    "topUp.input.paymentMethodId": {"token"},
}
_REACHED = {
    None: "{0}",
    "Viewer": "viewer {{ {0} }}",
    "Line": "viewer {{ linkedNumbers(first: 5) {{ edges {{ node {{ {0} }} }} }} }}",
    "PersonalAccount": "viewer {{ personalAccounts {{ edges {{ node {{ {0} }} }} }} }}",
}


def _field(schema: GraphQLSchema, place: Place) -> GraphQLField:
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    of = schema.type_map[place.parent] if place.parent else roots[place.root]
    assert isinstance(of, GraphQLObjectType)
    field: GraphQLField = of.fields[place.field]
    return field


def operation(schema: GraphQLSchema, place: Place) -> str:
    """The text of an operation with that place: it has a variable for each argument that is given."""
    field = _field(schema, place)
    given = [name for name, each in field.args.items() if name == place.path[0] or is_required_argument(each)]
    variables = ", ".join(f"${name}: {field.args[name].type}" for name in given)
    arguments = ", ".join(f"{name}: ${name}" for name in given)
    # What an event tells is large: three levels of it are more than an operation may ask for.
    depth = 2 if place.root == "subscription" else 3
    selected = f"{place.field}({arguments}) {{ {_select(schema, get_named_type(field.type), depth)} }}"
    return f"{place.root} ({variables}) {{ {_REACHED[place.parent].format(selected)} }}"


def variables(schema: GraphQLSchema, place: Place, wanted: str, own: Mapping[str, str]) -> dict[str, Any]:
    """Variables that ask for the id `wanted` in that place, and elsewhere for the caller's `own` by type."""
    field = _field(schema, place)
    return {
        name: _value(each.type, (name,), place, wanted, own)
        for name, each in field.args.items()
        if name == place.path[0] or is_required_argument(each)
    }


def _value(of: GraphQLInputType, path: tuple[str, ...], place: Place, wanted: str, own: Mapping[str, str]) -> Any:
    name, named = path[-1], get_named_type(of)
    value: Any
    if path == place.path:
        value = wanted
    elif name in TYPES:
        value = own[TYPES[name]]
    elif name == "idempotencyKey":
        value = str(uuid4())
    elif isinstance(named, GraphQLEnumType) and str(_VALUES.get(name)) not in named.values:
        value = next(iter(named.values))
    elif name in _VALUES:
        return _VALUES[name]
    else:
        assert isinstance(named, GraphQLInputObjectType), f"say in _VALUES what {name} is to be"
        onward = place.path[: len(path)] == path
        value = {}
        for inner, each in named.fields.items():
            deeper = (*path, inner)
            asked = onward and place.path[: len(deeper)] == deeper
            # Of `@oneOf` exactly one is given: the first, where none is asked for.
            chosen = not onward and named.is_one_of and not value
            also = inner in _ALSO.get(place.field, ()) and inner not in _INSTEAD.get(str(place), ())
            if asked or chosen or also or is_required_input_field(each):
                value[inner] = _value(each.type, deeper, place, wanted, own)
    bare = of.of_type if is_non_null_type(of) else of
    return [value] if is_list_type(bare) else value


def _select(schema: GraphQLSchema, of: GraphQLNamedType, depth: int) -> str:
    """All of a type's fields without arguments, so deep; of an interface those of whatever implements it too."""
    assert isinstance(of, GraphQLObjectType | GraphQLInterfaceType), of
    selected = [f"__typename {_fields_of(schema, of.fields, depth)}"]
    if isinstance(of, GraphQLInterfaceType):
        known: dict[str, str] = {name: str(each.type) for name, each in of.fields.items()}
        for each in schema.get_possible_types(of):
            fields = {n: f for n, f in each.fields.items() if known.setdefault(n, str(f.type)) == str(f.type)}
            more = _fields_of(schema, {n: f for n, f in fields.items() if n not in of.fields}, 1)
            selected += [f"... on {each.name} {{ {more} }}"] if more else []
    return " ".join(selected)


def _fields_of(schema: GraphQLSchema, fields: Mapping[str, GraphQLField], depth: int) -> str:
    selected = []
    for name, field in fields.items():
        named = get_named_type(field.type)
        if any(is_required_argument(each) for each in field.args.values()):
            continue
        if is_leaf_type(named):
            selected.append(name)
        elif depth > 1 and isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            selected.append(f"{name} {{ {_select(schema, named, depth - 1)} }}")
    return " ".join(selected)
