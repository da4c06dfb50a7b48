"""Scalars. Inputs take any short string: only the services know an operator's formats (DESIGN 4)."""

from datetime import date, datetime
from decimal import Decimal
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types.scalar import ScalarDefinition

from execution.values import encoded

_LONGEST = 64
_LONGEST_URL = 2048

MSISDN = NewType("MSISDN", str)
AccountNumber = NewType("AccountNumber", str)
URL = NewType("URL", str)
Bytes = NewType("Bytes", int)


def short_text(value: object) -> str:
    """An input scalar's text: anything short; what it means is for a service to say."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise GraphQLError(f"Expected text of at most {_LONGEST} characters")
    return value


def _url_text(value: object) -> str:
    """An input address; whether it is one that is expected is for a service to say."""
    if not isinstance(value, str) or len(value) > _LONGEST_URL:
        raise GraphQLError(f"Expected an address of at most {_LONGEST_URL} characters")
    return value


def _plain(amount: Decimal) -> str:
    """A decimal without an exponent; trailing zeros stay where money has them."""
    return f"{amount:f}"


# As orjson writes them, by which all answers are written.
@encoded(date, datetime)
def _iso(moment: date) -> str:
    """A day, or a moment with its offset."""
    return moment.isoformat()


def scalar_map() -> dict[object, ScalarDefinition]:
    """What Strawberry is to use for our Python types."""
    definitions: dict[object, ScalarDefinition] = {
        MSISDN: strawberry.scalar(
            name="MSISDN",
            description=(
                "A telephone number in E.164 digits without '+', such as 79031234567. Input also takes the forms "
                "that people type: national, with a prefix, with spaces or dashes"
            ),
            serialize=str,
            parse_value=short_text,
        ),
        AccountNumber: strawberry.scalar(
            name="AccountNumber",
            description="The number of a personal account (лицевой счёт), as it stands on receipts",
            serialize=str,
            parse_value=short_text,
        ),
        URL: strawberry.scalar(
            name="URL",
            description="An absolute address, such as https://lk.example.ru/social",
            serialize=str,
            parse_value=_url_text,
        ),
        Bytes: strawberry.scalar(
            name="Bytes",
            description='A number of bytes as text, such as "1073741824": more than an Int holds',
            serialize=str,
            parse_value=short_text,
        ),
        Decimal: strawberry.scalar(
            name="Decimal",
            description='A decimal number as text, such as "157.50": never a float, never with an exponent',
            serialize=_plain,
            parse_value=short_text,
        ),
    }
    for python_type, description in (
        (datetime, "A moment in ISO 8601 with its offset, such as 2026-11-21T18:30:00+00:00"),
        (date, "A day of the operator's calendar in ISO 8601, such as 2026-11-21"),
    ):
        known = DEFAULT_SCALAR_REGISTRY[python_type]
        definitions[python_type] = strawberry.scalar(
            name=known.name,
            description=description,
            serialize=_iso,
            parse_value=known.parse_value,
        )
    return definitions
