"""Requests for links as both sides see them (F161): whoever asked, and whoever answers for the number.

Who asked is not told that they were refused: to them it is a request that nobody answers (I11).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from auth.challenge import Challenge, alternatives
from auth.link_code import today
from domain.access import LinkKind, Scope
from domain.challenge import ChallengeChannel, DeliveryStatus
from domain.consent import requester_words
from domain.link_request import LinkDirection, consents_if_born_by
from domain.msisdn import mask
from domain.number_link import LinkStatus
from loaders.scope import ReadScope
from models.challenge import ChallengePurpose
from models.link_request import WHO_ANSWERS
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """A request. `challenge`: what the session that asked may know of its code; null for everybody else."""

    id: int
    status: LinkStatus
    kind: LinkKind
    moves: bool
    target_masked: str
    requested_by: str
    requested_scopes: list[Scope]
    is_incoming: bool
    created_at: datetime
    expires_at: datetime
    link_id: int | None
    challenge: Challenge | None


_Row = dict[str, Any]


def _row(*columns: Any) -> _Row:
    return dict(zip(_NAMES, columns, strict=True))


_NAMES = (
    "id",
    "status",
    "kind",
    "moves",
    "target",
    "scopes",
    "created_at",
    "expires_at",
    "link_id",
    "display_name",
    "msisdn",
    "is_outgoing",
    "is_incoming",
    "challenge_id",
    "channel",
    "tag",
    "sent_at",
    "code_expires_at",
    "attempts",
    "max_attempts",
)

# Of another SIM or another contract it is a question to somebody else (E24).
_REQUESTS = f"""
with asked as (
  select r.*, u.display_name,
    (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1) as msisdn,
    r.requester_id = $1 as is_outgoing,
    coalesce(coalesce(guardian.user_id, l.user_id, signer.id) = $1 and r.contract_epoch = ct.epoch
      and r.sim_epoch is not distinct from l.sim_epoch, false) as is_incoming
  from link_request r
  join app_user u on u.id = r.requester_id
  left join line l on l.id = r.line_id
  left join personal_account a on a.id = coalesce(r.account_id, l.account_id)
  left join contract ct on ct.id = a.contract_id
  {WHO_ANSWERS.format(consents_if_born_by="$3::date")}
  where r.operator = $2 and {{which}}
)
select k.id, k.status, k.kind, k.moves, k.target, k.scopes, k.created_at, k.expires_at, k.link_id, k.display_name,
  k.msisdn, k.is_outgoing, k.is_incoming, c.id, c.channel, c.tag, c.created_at, c.expires_at, c.attempts,
  c.max_attempts
from asked k left join challenge c on c.id = k.challenge_id and k.is_outgoing and k.initiator = $4
"""
_OUTGOING = "r.requester_id = $1"
_INCOMING = """(
  r.line_id in (
    select id from line where user_id = $1
    union select cl.id from membership o
      join membership m on m.household_id = o.household_id and m.role = 'CHILD' and m.status = 'ACTIVE'
      join line cl on cl.user_id = m.user_id
      where o.user_id = $1 and o.role = 'OWNER' and o.status = 'ACTIVE'
    union select sl.id from app_user me join contract sc on sc.holder_id = me.person_id
      join personal_account sa on sa.contract_id = sc.id join line sl on sl.account_id = sa.id
      where me.id = $1 and sl.user_id is null)
  or r.account_id in (
    select ha.id from app_user me join contract hc on hc.holder_id = me.person_id
      join personal_account ha on ha.contract_id = hc.id where me.id = $1))"""
_MINE = {LinkDirection.OUTGOING: _OUTGOING, LinkDirection.INCOMING: _INCOMING}
_SIDE = {LinkDirection.OUTGOING: "k.is_outgoing", LinkDirection.INCOMING: "k.is_incoming"}
_PAGES = {
    side: Statement(
        _REQUESTS.format(which=which)
        + f"where {_SIDE[side]} and ($5::bigint is null or k.id < $5) order by k.id desc limit $6",
        _row,
    )
    for side, which in _MINE.items()
}
_COUNTS = {
    side: Statement(f"select count(*) from ({_REQUESTS.format(which=which)} where {_SIDE[side]}) counted", int)
    for side, which in _MINE.items()
}
_ONE: Statement[_Row | None] = Statement(
    _REQUESTS.format(which="r.id = $5") + "where k.is_outgoing or k.is_incoming", _row
)
# Those that may still be answered, and those whose answer a subscription has not told yet.
_RECENT: Statement[int] = Statement(
    _REQUESTS.format(which=f"({_OUTGOING} or {_INCOMING}) and r.created_at > now() - interval '1 hour'")
    + "where k.is_outgoing or k.is_incoming order by k.id desc limit 50",
    lambda *columns: int(columns[0]),
)


async def page_of(scope: ReadScope, direction: LinkDirection, before: int | None, limit: int) -> Sequence[LinkRequest]:
    """Requests of the viewer's, or to them, the newest first."""
    rows = await scope.reads.fetch(_PAGES[direction], *_viewer(scope), before, limit)
    return [_request(scope, row) for row in rows]


async def count_of(scope: ReadScope, direction: LinkDirection) -> int:
    """How many there are."""
    return await scope.reads.fetch_one(_COUNTS[direction], *_viewer(scope)) or 0


async def link_request(scope: ReadScope, request_id: int) -> LinkRequest | None:
    """One of them."""
    row = await scope.reads.fetch_one(_ONE, *_viewer(scope), request_id)
    return None if row is None else _request(scope, row)


async def recent(scope: ReadScope) -> Sequence[int]:
    """Those of the last hour, on both sides."""
    return await scope.reads.fetch(_RECENT, *_viewer(scope))


def _viewer(scope: ReadScope) -> tuple[object, ...]:
    viewer, profile = scope.viewer, scope.profile
    assert viewer is not None, "requests are somebody's"
    return viewer.user_id, profile.operator.id, consents_if_born_by(profile, today(profile)), viewer.initiator


def _request(scope: ReadScope, row: _Row) -> LinkRequest:
    status = LinkStatus(row["status"])
    if status is LinkStatus.REVOKED and not row["is_incoming"]:
        status = LinkStatus.PENDING
    if status is LinkStatus.PENDING and row["expires_at"] <= scope.now:
        status = LinkStatus.EXPIRED
    return LinkRequest(
        id=row["id"],
        status=status,
        kind=LinkKind(row["kind"]),
        moves=row["moves"],
        target_masked=mask(row["target"]),
        requested_by=requester_words(row["display_name"], row["msisdn"]),
        requested_scopes=[Scope(each) for each in row["scopes"]],
        is_incoming=row["is_incoming"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        link_id=row["link_id"],
        challenge=_challenge(scope, row) if row["challenge_id"] else None,
    )


def _challenge(scope: ReadScope, row: _Row) -> Challenge:
    profile, channel = scope.profile, ChallengeChannel(row["channel"])
    purpose, otp = ChallengePurpose.LINK_NUMBER, profile.auth.otp
    return Challenge(
        id=row["challenge_id"],
        purpose=purpose,
        channel=channel,
        tag=row["tag"],
        # Nothing is delivered to a number that nobody has, so nothing is told of any.
        delivery_status=DeliveryStatus.UNKNOWN,
        alternatives=alternatives(profile, purpose, row["target"], channel),
        expires_at=row["code_expires_at"],
        attempts_left=row["max_attempts"] - row["attempts"],
        resend_allowed_at=row["sent_at"] + timedelta(seconds=otp.resend_after_seconds),
    )
