"""What the bank posts: signed, repeated, late, out of order; and what is forged."""

import time

import orjson
import pytest

from gateways.bank import read_bank_notification
from gateways.payments import (
    Charged,
    Held,
    Notification,
    Pending,
)
from gateways.signature import PostRejected, sign
from gateways.simulators.bank.records import Behaviour
from tests.bank import KEY, Street, charge, ref


async def test_notification_tells_the_outcome(town: Street) -> None:
    asked = charge()
    outcome = await town.provider.charge(asked)
    (told,) = await town.shop.told_of(asked.key)
    assert told.outcome == outcome
    body, headers = town.shop.posts[-1]
    assert await town.provider.read_notification(body, headers, peer="127.0.0.1", now=time.time()) == told


async def test_duplicates_have_the_same_name(town: Street) -> None:
    asked = charge("tok_mir_twice_0014")
    await town.provider.charge(asked)
    first, second = await town.shop.told_of(asked.key, 2)
    assert first == second


async def test_silent_bank_tells_nothing_and_answers_questions(town: Street) -> None:
    asked = charge("tok_mir_silent_0015")
    await town.provider.charge(asked)
    assert not [event for event in town.bank.untold() if asked.key in event.body]
    assert isinstance(await town.provider.query(ref(asked)), Charged)


async def test_notification_that_is_not_taken_comes_again(town: Street) -> None:
    town.shop.refusals = 2
    asked = charge()
    await town.provider.charge(asked)
    assert len(await town.shop.told_of(asked.key)) == 1
    assert town.shop.refusals == 0


async def test_late_notification_is_signed_when_it_is_sent(town: Street) -> None:
    town.bank.control(Behaviour(notify_after=1.2))
    asked, at = charge(), time.time()
    await town.provider.charge(asked)
    await town.shop.told_of(asked.key)
    assert int(town.shop.posts[-1][1]["x-hearth-timestamp"]) >= int(at + 1.2)


async def test_reordered_notifications_say_what_was_then(town: Street) -> None:
    await town.http.post("/control", json={"webhooks": "held"})
    asked = charge(hold=True)
    await town.provider.charge(asked)
    await town.provider.capture(ref(asked), asked.amount)
    answer = await town.http.post("/control/release", json={"backwards": True})
    assert answer.json()["told"] == 2
    assert [type(each.outcome) for each in town.shop.told] == [Charged, Held]
    assert len({each.id for each in town.shop.told}) == 2


BODY = orjson.dumps(
    {"event": "evt_1", "about": "payment", "key": "k", "state": "PENDING", "amount": "1.00", "currency": "RUB"}
    | {"id": "bank-1", "reason": None, "url": None, "method": None, "saved": None}
)
NOW = 1_790_000_000


def read(body: bytes = BODY, *, at: int = NOW, key: str = KEY, now: float = NOW) -> object:
    headers = {"x-hearth-timestamp": str(at), "x-hearth-signature": sign(body, at, key)}
    return read_bank_notification(body, headers, key=KEY, now=now)


@pytest.mark.parametrize("apart", [-300, 300])
def test_notification_within_five_minutes_counts(apart: int) -> None:
    assert read(now=NOW + apart) == Notification("evt_1", "k", Pending("bank-1"))


@pytest.mark.parametrize("apart", [-301, 301, 86_400])
def test_notification_of_another_time_is_rejected(apart: int) -> None:
    with pytest.raises(PostRejected, match="the time now"):
        read(now=NOW + apart)


def test_forged_notification_is_rejected() -> None:
    with pytest.raises(PostRejected, match="not the signature"):
        read(key="another key")
    headers = {"x-hearth-timestamp": str(NOW), "x-hearth-signature": sign(BODY, NOW, KEY)}
    for body, told in ((BODY + b" ", headers), (BODY, {**headers, "x-hearth-timestamp": str(NOW + 1)}), (BODY, {})):
        with pytest.raises(PostRejected):
            read_bank_notification(body, told, key=KEY, now=NOW)
    with pytest.raises(PostRejected, match="no key is configured"):
        read_bank_notification(BODY, headers, key="", now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"event": "e"}',
        BODY.replace(b"PENDING", b"PAID"),
        BODY.replace(b'"PENDING"', b'"CHARGED"').replace(b'"1.00"', b'"1e400"'),
        BODY.replace(b'"PENDING"', b'"CHARGED"').replace(b'"1.00"', b'"NaN"'),
        BODY.replace(b'"PENDING"', b'"CHARGED"').replace(b'"1.00"', b"1.00"),
        BODY.replace(b'"PENDING"', b'"CHARGED"').replace(b"RUB", b"USD"),
        BODY.replace(b'"PENDING"', b'"DECLINED"'),
        BODY.replace(b'"k"', b"7"),
        b" " * 5000 + BODY,
    ],
)
def test_signed_nonsense_is_rejected(body: bytes) -> None:
    with pytest.raises(PostRejected):
        read(body)
