"""The words of signing in, registering and recovering access (SPEC 2.A)."""

from enum import StrEnum


class LoginMethod(StrEnum):
    """A way to prove who one is (SPEC 5.3 `auth.methods`, `auth.registration_methods`)."""

    PASSWORD = "PASSWORD"  # noqa: S105
    SMS_CODE = "SMS_CODE"
    USSD_PASSWORD = "USSD_PASSWORD"  # noqa: S105
    INBOUND_SMS_PASSWORD = "INBOUND_SMS_PASSWORD"  # noqa: S105
    EMAIL_LINK = "EMAIL_LINK"
    PUK1 = "PUK1"
    SOCIAL = "SOCIAL"
    NETWORK_AUTO = "NETWORK_AUTO"
    OFFICE_CREDENTIALS = "OFFICE_CREDENTIALS"
    INSTALLER_PASSWORD = "INSTALLER_PASSWORD"  # noqa: S105


class LoginIdentifier(StrEnum):
    """What a person types to say who is signing in, or whom a payment is for (F003)."""

    MSISDN = "MSISDN"
    EMAIL = "EMAIL"
    ACCOUNT_NUMBER = "ACCOUNT_NUMBER"
    CONTRACT_NUMBER = "CONTRACT_NUMBER"
    NETWORK_LOGIN = "NETWORK_LOGIN"
    CUSTOM_LOGIN = "CUSTOM_LOGIN"


class ContactKind(StrEnum):
    """How somebody can be reached outside the cabinet."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"


class RecoveryChannel(StrEnum):
    """A way back in for a person who forgot the password (F016, F017)."""

    SMS = "SMS"
    EMAIL = "EMAIL"
    USSD = "USSD"
    INBOUND_SMS = "INBOUND_SMS"
    HOTLINE = "HOTLINE"
    OFFICE = "OFFICE"


class SocialProvider(StrEnum):
    """A social network that vouches for a person (F021)."""

    VK = "VK"
    FACEBOOK = "FACEBOOK"
    OK = "OK"
    GOOGLE = "GOOGLE"

    @property
    def brand(self) -> str:
        """What people call it."""
        return _BRANDS[self]


_BRANDS = {
    SocialProvider.VK: "VK",
    SocialProvider.FACEBOOK: "Facebook",
    SocialProvider.OK: "Odnoklassniki",
    SocialProvider.GOOGLE: "Google",
}
