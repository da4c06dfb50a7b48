"""Traffic that costs nothing: of the applications that the profile names (F120). A pure rule."""

from decimal import Decimal

from domain.profile import Profile


def is_zero_rated(profile: Profile, application: str | None) -> bool:
    """Whether the traffic of an application is free, however its name is written; None: it is not known whose it is."""
    return application is not None and application.strip().casefold() in {
        each.casefold() for each in profile.services.zero_rated
    }


def counted(profile: Profile, application: str | None, volume: Decimal) -> Decimal:
    """How much of some traffic, in bytes, is taken from packages and paid for."""
    return Decimal(0) if is_zero_rated(profile, application) else volume
