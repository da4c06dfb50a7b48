"""The code that asks a number's holder for a link (SPEC 4.5): who gets it, and what it says.

Whoever asks learns nothing of the number (I11). Where nobody is to be asked, the same is written and nothing is sent.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge
from auth.challenge import Challenge, CodeRequest
from domain.access import Scope
from domain.challenge import ChallengeChannel
from domain.consent import Question, requester_words
from domain.line import ContractStatus, LineStatus
from domain.link_request import NumberState, consents_if_born_by, may_be_asked
from domain.number_link import LinkStatus
from domain.profile import Profile
from domain.refusals import CodeRejected, RateLimited
from models.challenge import ChallengePurpose
from models.link_request import WHO_ANSWERS


@dataclass(frozen=True, slots=True)
class Target:
    """A number, or an account without one, as it is at this moment.

    `answers_id` is who may answer in a cabinet of their own; `is_guarded`: for a child who is too young to. `address`
    is where the code goes: to the number, `msisdn`, itself or to whoever answers for it; None: nowhere.
    """

    line_id: int | None
    account_id: int
    user_id: int | None
    holder_id: int | None
    answers_id: int | None
    is_guarded: bool
    address: str | None
    msisdn: str | None
    sim_epoch: int | None
    contract_epoch: int
    state: NumberState

    def is_of(self, user_id: int) -> bool:
        """Whether it is the user's own: their SIM, or their service where there is none (E4)."""
        return user_id == (self.user_id if self.line_id is not None else self.holder_id)


@dataclass(frozen=True, slots=True)
class LinkQuestion:
    """A row of `link_request`, as far as its code is concerned."""

    id: int
    requester_id: int
    requester: str
    target: str
    is_account: bool
    scopes: tuple[Scope, ...]
    moves: bool
    initiator: str
    sim_epoch: int | None
    contract_epoch: int | None
    status: LinkStatus


_STATE = "ct.status as contract_status, ct.epoch as contract_epoch"
_LINE = f"""
select l.id as line_id, l.account_id, l.user_id, signer.id as holder_id, l.status, l.sim_epoch, l.sim_changed_at,
  l.reissued_at, l.link_requests_allowed, {_STATE}, coalesce(guardian.user_id, l.user_id, signer.id) as answers_id,
  guardian.user_id is not null as is_guarded,
  case when guardian.user_id is null then l.msisdn else (
    select g.value from login g where g.user_id = guardian.user_id and g.kind = 'MSISDN' order by g.id limit 1) end
    as address, l.msisdn
from line l join personal_account a on a.id = l.account_id join contract ct on ct.id = a.contract_id
{WHO_ANSWERS.format(consents_if_born_by="$3::date")}
where l.operator = $1 and l.msisdn = $2
"""
# An account that pays for a number is reached by that number.
_ACCOUNT = f"""
select null::bigint as line_id, a.id as account_id, null::bigint as user_id, u.id as holder_id, a.status,
  null::int as sim_epoch, null::timestamptz as sim_changed_at, null::timestamptz as reissued_at,
  true as link_requests_allowed, {_STATE}, u.id as answers_id, false as is_guarded, coalesce(
    (select k.value from contact k where k.user_id = u.id and k.kind = 'PHONE' and k.verified_at is not null
     order by k.verified_at desc limit 1),
    (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1)) as address,
  null as msisdn
from personal_account a join contract ct on ct.id = a.contract_id
left join app_user u on u.person_id = ct.holder_id and u.closed_at is null
where a.operator = $1 and a.number = $2 and a.kind <> 'MOBILE'
  and not exists (select from line l where l.account_id = a.id and l.msisdn is not null)
"""
_REPORTED = """
select exists (
  select from link_request where requester_id = $1 and (line_id = $2 or account_id = $3) and reported_at is not null)
  as reported
"""
_QUESTION = """
select r.id, r.requester_id, r.target, r.is_account, r.scopes, r.moves, r.initiator, r.sim_epoch, r.contract_epoch,
  r.status, u.display_name,
  (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1) as msisdn
from link_request r join app_user u on u.id = r.requester_id
where r.id = $1
"""
_SENT = "update link_request set challenge_id = $2, expires_at = $3 where id = $1"


async def find(connection: BaseDBAsyncClient, profile: Profile, target: str, *, is_account: bool) -> Target | None:
    """The number, or the account without one, that `target` names at this operator."""
    if is_account:
        rows = await connection.execute_query_dict(_ACCOUNT, [profile.operator.id, target])
    else:
        born_by = consents_if_born_by(profile, today(profile))
        rows = await connection.execute_query_dict(_LINE, [profile.operator.id, target, born_by])
    return _target(**rows[0]) if rows else None


async def question(connection: BaseDBAsyncClient, request_id: int) -> LinkQuestion | None:
    """A request by its id."""
    rows = await connection.execute_query_dict(_QUESTION, [request_id])
    return _link_question(**rows[0]) if rows else None


async def is_asked(connection: BaseDBAsyncClient, profile: Profile, requester_id: int, target: Target | None) -> bool:
    """Whether somebody's question reaches the holder at all: the same is looked up for numbers that nobody has."""
    line_id = target.line_id if target else None
    account_id = target.account_id if target and line_id is None else None
    [row] = await connection.execute_query_dict(_REPORTED, [requester_id, line_id, account_id])
    if target is None or target.address is None or row["reported"]:
        return False
    return may_be_asked(profile, target.state, datetime.now(UTC))


async def send(
    connection: BaseDBAsyncClient,
    profile: Profile,
    secret: bytes,
    asked: LinkQuestion,
    channel: ChallengeChannel,
) -> Challenge | RateLimited:
    """Ask the holder, where there is one who may be asked; whoever asks is answered alike either way."""
    target = await find(connection, profile, asked.target, is_account=asked.is_account)
    may_ask = await is_asked(connection, profile, asked.requester_id, target)
    same = target is not None and (asked.sim_epoch, asked.contract_epoch) == (target.sim_epoch, target.contract_epoch)
    reaches = may_ask and same and asked.status is LinkStatus.PENDING
    wanted = CodeRequest(
        ChallengePurpose.LINK_NUMBER,
        asked.target,
        target.answers_id if target is not None and reaches else None,
        asked.initiator,
        channel,
        address=target.address if target is not None else None,
        subject=asked.id,
        decoy=not reaches,
        question=question_of(asked, target),
    )
    sent = await challenge.request(connection, profile, secret, wanted)
    if isinstance(sent, Challenge):
        await connection.execute_query(_SENT, [asked.id, sent.id, sent.expires_at])
    return sent


async def send_again(
    connection: BaseDBAsyncClient, profile: Profile, secret: bytes, before: CodeRequest
) -> Challenge | RateLimited | CodeRejected:
    """Ask once more what `before` asked (E7). What was refused goes on in silence: who asked is not told of it."""
    asked = await question(connection, before.subject or 0)
    if asked is None or asked.status not in (LinkStatus.PENDING, LinkStatus.REVOKED):
        return challenge.used_up()
    return await send(connection, profile, secret, replace(asked, initiator=before.initiator), before.channel)


def question_of(asked: LinkQuestion, target: Target | None) -> Question:
    """What the holder is asked in words."""
    in_cabinet = target is not None and target.answers_id is not None
    return Question(asked.requester, asked.scopes, in_cabinet=in_cabinet, moves=asked.moves)


def today(profile: Profile) -> date:
    """The day at the operator's."""
    return datetime.now(profile.operator.zone).date()


def _target(
    status: str,
    contract_status: str,
    link_requests_allowed: bool,
    sim_changed_at: datetime | None,
    reissued_at: datetime | None,
    **same: Any,
) -> Target:
    state = NumberState(
        LineStatus(status), ContractStatus(contract_status), link_requests_allowed, sim_changed_at, reissued_at
    )
    return Target(state=state, **same)


def _link_question(display_name: str, msisdn: str | None, scopes: list[str], status: str, **same: Any) -> LinkQuestion:
    return LinkQuestion(
        requester=requester_words(display_name, msisdn),
        scopes=tuple(Scope(scope) for scope in scopes),
        status=LinkStatus(status),
        **same,
    )
