"""Loops end while they rest: nothing is left half done, and who does not come to rest is not waited for for ever."""

import asyncio
import time

import pytest

from server.loops import Loops, rest


async def test_a_loop_ends_at_its_rest_and_not_in_the_middle() -> None:
    done: list[str] = []
    begun = asyncio.Event()

    async def work() -> None:
        while True:
            begun.set()
            await asyncio.sleep(0.1)
            done.append("whole")
            await rest(60)

    async with Loops(patience=5) as loops:
        loops.start(work())
        await begun.wait()
        started = time.monotonic()
    assert done == ["whole"]
    assert time.monotonic() - started < 1


async def test_whoever_does_not_rest_is_cancelled_after_a_while() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with Loops(patience=0.05) as loops:
        loops.start(work())
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_a_loop_is_woken_and_rests_on() -> None:
    looks = 0
    woken = asyncio.Event()

    async def work() -> None:
        nonlocal looks
        while True:
            looks += 1
            woken.clear()
            await rest(60, woken)

    async with Loops(patience=1) as loops:
        loops.start(work())
        for _ in range(3):
            await asyncio.sleep(0.01)
            woken.set()
        await asyncio.sleep(0.01)
    assert looks == 4


async def test_the_failure_of_one_is_told() -> None:
    async def work() -> None:
        raise ValueError("a bug")

    async with Loops(patience=1) as loops:
        loops.start(work())
        with pytest.raises(ValueError, match="a bug"):
            await loops.failure()
