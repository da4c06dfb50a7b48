"""How many requests a session, or a network without one, may send: token buckets in the memory of each worker.

Exact limits of what is sensitive are in PostgreSQL (`models/counter.py`). These only keep one caller from taking the
machine for itself, so they may be forgotten when a worker ends, and are counted by each worker for itself. The headers
are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

import hashlib
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.counter import Standing
from server.graphql_answer import problem

WINDOW_SECONDS = 60
# Of sessions, and as many of networks: some hundred bytes each.
MOST_KNOWN = 50_000


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a request may be answered: `left` more may come at once, and in `wait_seconds` the next or one more."""

    is_allowed: bool
    policy: str
    most: int
    left: int
    wait_seconds: int


class Buckets:
    """Token buckets that hold `most` and fill up evenly in a minute; those longest unused are forgotten."""

    def __init__(self, policy: str, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._most = most
        self._seconds_each = WINDOW_SECONDS / most
        self._clock = clock
        # When each will be full again, the longest unused first.
        self._full_at: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def __contains__(self, key: bytes) -> bool:
        return key in self._full_at

    def take(self, key: bytes) -> Admission:
        """Take one token, if there is one."""
        now = self._clock()
        each = self._seconds_each
        full_at = max(self._full_at.get(key, now), now) + each
        missing = full_at - now - self._most * each
        if missing > each * 1e-6:
            return Admission(False, self._policy, self._most, 0, math.ceil(missing))
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > MOST_KNOWN:
            self._full_at.popitem(last=False)
        left = int((now - full_at) / each + self._most + 1e-6)
        return Admission(True, self._policy, self._most, left, math.ceil(each))


class RateLimits:
    """The limits of this process; a session has its own once it was seen to be one, until then its network counts.

    So nobody gets more by inventing tokens.
    """

    def __init__(self, per_session: int, per_network: int) -> None:
        self._sessions = Buckets("session", per_session)
        self._networks = Buckets("network", per_network)

    def admit(self, token: str | None, address: str | None) -> Admission | None:
        """Count a request that bears `token`, valid or not, and comes from `address`; None where nothing is counted."""
        if token is not None and (key := _digest(token)) in self._sessions:
            return self._sessions.take(key)
        network = network_of(address)
        return None if network is None else self._networks.take(network)

    def recognise(self, token: str, admission: Admission | None) -> Admission:
        """The token turned out to be a session's: its first request is counted for it too, as all that follow."""
        counted = admission is not None and admission.policy == "session"
        return admission if admission is not None and counted else self._sessions.take(_digest(token))


def network_of(address: str | None) -> bytes | None:
    """An IPv4 address, the /64 of an IPv6 one; None for this machine and for what is no address."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return None if ip.is_loopback else ip.packed[:8]
        ip = ip.ipv4_mapped
    return None if ip.is_loopback else ip.packed


def headers(admission: Admission | None, standings: Iterable[Standing] = ()) -> Mapping[str, str]:
    """What an answer tells of the limit on requests, and of the tightest of the sensitive ones that were counted."""
    policies, limits = [], []
    if admission is not None:
        policies.append(f'"{admission.policy}";q={admission.most};w={WINDOW_SECONDS}')
        limits.append(f'"{admission.policy}";r={admission.left};t={admission.wait_seconds}')
    tightest = min(standings, key=lambda each: (each.left / each.most, -each.ends_at.timestamp()), default=None)
    if tightest is not None:
        seconds = max(0, math.ceil((tightest.ends_at - datetime.now(UTC)).total_seconds()))
        policies.append(f'"{tightest.name}";q={tightest.most};w={tightest.window_seconds}')
        limits.append(f'"{tightest.name}";r={tightest.left};t={seconds}')
    return {"ratelimit-policy": ", ".join(policies), "ratelimit": ", ".join(limits)} if limits else {}


def refusal(admission: Admission) -> dict[str, Any]:
    """The error that a request over the limit is answered."""
    refused = problem("Too many requests; slow down", "RATE_LIMITED")
    refused["extensions"]["retryAfter"] = admission.wait_seconds
    return refused


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode(errors="replace"), digest_size=16).digest()
