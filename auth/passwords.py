"""Passwords: argon2id, off the event loop, at most two hashes at once."""

import asyncio
import hashlib
import hmac

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second choice for argon2id: 19 MiB, two passes. A hash takes some 30 ms of one core.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

# A password longer than any profile allows is not worth a hash.
LONGEST = 128

# What an unknown user's password is compared with, so that it takes as long as a known user's: made by the same hasher,
# of bytes that were thrown away.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$AshVNqrmlLGkQ26e+gLtjA$UIvJhiQ7PrjHrA93nwIWRA+NCuFV2vnTsUpQPVeF+R0"

_turn = asyncio.Semaphore(2)


def hash_password(password: str) -> str:
    """The string to store. Takes some 30 ms: not for the event loop."""
    return _HASHER.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one that was hashed; equally slow, and false, where there is no hash."""
    try:
        return _HASHER.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


async def make(password: str) -> str:
    """`hash_password` in a thread, in turn with all the others."""
    async with _turn:
        return await asyncio.to_thread(hash_password, password)


async def verify(password_hash: str | None, password: str) -> bool:
    """`matches` in a thread. Two at once: hashing must not starve the loop, nor fill the memory."""
    async with _turn:
        return await asyncio.to_thread(matches, password_hash, password)


def keyed(secret: bytes, user_id: int, password: str) -> bytes:
    """What is stored of a temporary password: it is random, so nothing slower is needed."""
    told = f"temporary:{user_id}:{password}".encode(errors="replace")
    return hmac.new(secret, told, hashlib.sha256).digest()


def is_temporary(stored: bytes | None, secret: bytes, user_id: int, password: str) -> bool:
    """Whether `password` is the temporary one that `stored` was made of; equally quick where there is none."""
    made = keyed(secret, user_id, password)
    return hmac.compare_digest(stored or bytes(len(made)), made) and stored is not None
