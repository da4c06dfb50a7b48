"""The records of a file of use: one JSON object a line, as the network tells it."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter

from domain.household_file_values import FileUnit, Identifier, MomentField, Name, OperatorId, Part, Volume
from domain.msisdn import LONGEST_TYPED
from domain.usage import ChargeType

_UNITS = {
    ChargeType.CALL: {FileUnit.MINUTE},
    ChargeType.SMS: {FileUnit.SMS},
    ChargeType.MMS: {FileUnit.MMS},
    ChargeType.INTERNET: {FileUnit.BYTE, FileUnit.KB, FileUnit.MB, FileUnit.GB},
}


def _something(volume: Decimal) -> Decimal:
    if volume <= 0:
        raise ValueError("must be more than 0")
    return volume


class UsageRecord(Part):
    """Something that a line used: `id` is the network's name of it, `scope` what it was within, `to` the other side."""

    operator: OperatorId
    line: Identifier
    id: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
    at: MomentField
    type: ChargeType
    unit: FileUnit
    volume: Annotated[Volume, AfterValidator(_something)]
    scope: Name | None = None
    to: Annotated[str, Field(max_length=LONGEST_TYPED)] | None = None

    @property
    def complaint(self) -> str | None:
        """Why it cannot be, though each of its values could."""
        if self.type not in _UNITS:
            return f"type: must be one of {', '.join(_UNITS)}"
        return None if self.unit in _UNITS[self.type] else f"unit: {self.type} is not counted in {self.unit}"


USAGE = TypeAdapter(UsageRecord)
