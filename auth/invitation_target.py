"""Whom an invitation is for: told again by whoever has that number or address, and by nobody else (E33)."""

import hashlib
import hmac
from dataclasses import dataclass

from domain.challenge import ChallengeChannel
from domain.email import normalize_email
from domain.msisdn import mask, normalize
from domain.profile import Profile
from domain.refusals import InputRejected

PROVEN = """
select kind, value from login where user_id = $1 and kind in ('MSISDN', 'EMAIL')
union select kind, value from contact where user_id = $1 and verified_at is not null
"""
"""The numbers and addresses that a user has proven to have, as `kind` and `value`."""


@dataclass(frozen=True, slots=True)
class Target:
    """A number or an e-mail address, in the one spelling that is compared."""

    channel: ChallengeChannel
    value: str

    @property
    def masked(self) -> str:
        """What the household keeps of it."""
        if self.channel is ChallengeChannel.SMS:
            return mask(self.value)
        name, _, domain = self.value.partition("@")
        return f"{name[:1]}***@{domain}"


def read_target(profile: Profile, msisdn: str | None, email: str | None) -> Target | InputRejected:
    """Whom to invite: a number or an address, and not both."""
    if (msisdn is None) == (email is None):
        return InputRejected("Give a number or an e-mail address, one of them", ("msisdn",))
    if msisdn is not None:
        number = normalize(msisdn, profile)
        return Target(ChallengeChannel.SMS, number) if number else InputRejected("This is no number", ("msisdn",))
    address = normalize_email(email or "")
    if address is None:
        return InputRejected("Give an e-mail address such as anna@example.org", ("email",))
    return Target(ChallengeChannel.EMAIL, address)


def target_hmac(secret: bytes, operator: str, value: str) -> bytes:
    """What is stored of a target: it can be compared, and not turned back."""
    return hmac.new(secret, f"invitation:{operator}:{value}".encode(), hashlib.sha256).digest()


def token_digest(token: str) -> bytes:
    """What is stored of the token in a link."""
    return hashlib.sha256(token.encode()).digest()
