"""Who did something, as those whom it concerns read it (I16)."""

from dataclasses import dataclass

from domain.access import HouseholdRole


@dataclass(frozen=True, slots=True)
class AuditActor:
    """Who did it; without a role where they had none, or where the operator did it."""

    label: str
    role: HouseholdRole | None
    is_viewer: bool
    is_operator_staff: bool
