"""Why a link was not made or changed: facts that become `userErrors`, as in `domain/refusals.py`."""

from dataclasses import dataclass
from typing import ClassVar

from domain.refusals import ErrorCode


@dataclass(frozen=True, slots=True)
class ConsentRequired:
    """More than the number's holder has agreed to: ask them (I6, E42)."""

    message: str = "Whoever uses the number has to agree to this: ask with `requestNumberLink`"
    field: tuple[str, ...] | None = ("scopes",)
    code: ClassVar[ErrorCode] = ErrorCode.CONSENT_REQUIRED


@dataclass(frozen=True, slots=True)
class LinkEnded:
    """The link does not count any more, or rests; it gives nothing."""

    message: str = "The link has ended"
    field: tuple[str, ...] | None = ("linkId",)
    code: ClassVar[ErrorCode] = ErrorCode.LINK_REVOKED
