"""Running a compiled operation: level by level, whatever is asked for on a level all at once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CoroutineType
from typing import Any, cast

from graphql.execution.values import VariableValues
from graphql.pyutils.is_awaitable import is_awaitable

from execution.anomaly import Anomaly
from execution.batched import Batched, Load
from execution.calls import Call
from execution.place import Place, Run
from execution.values import dispose

Waiting = Sequence[tuple[Any, dict[str, Any]]]
Select = Callable[[Any, Run], dict[str, Any]]
Finish = Callable[[Waiting, Iterable[Any], Run], None]


@dataclass(slots=True, eq=False)
class Step:
    """A field whose values are awaited; `finish` completes them, and is there once the step's source is compiled."""

    index: int
    source: Call | Batched
    finish: Finish = field(init=False)


@dataclass(slots=True, eq=False)
class Program:
    """A compiled query: `select` answers the root, then come the `levels`. `size` is about the bytes that it takes.

    It grows when an object is met of a type that was not met before where it stands.
    """

    select: Select = field(init=False)
    places: list[Place] = field(default_factory=list)
    levels: list[list[Step]] = field(default_factory=list)
    source: str = ""
    size: int = 0

    async def __call__(self, context: Any, root_value: Any, variables: VariableValues) -> dict[str, Any]:
        """The answer's data. Raises `Anomaly`, and whatever a resolver or a loader raises; nothing runs on then."""
        run = Run(self.places, context, root_value, variables)
        try:
            return await self._answer(run)
        finally:
            run.close()

    async def _answer(self, run: Run) -> dict[str, Any]:
        context = run.context
        if self.levels and (begin := getattr(getattr(context, "loaders", None), "level_by_level", None)):
            begin()
        data = self.select(run.root_value, run)
        # What the values of a level are made of may be more steps, all of them on later levels.
        for level in self.levels:
            if steps := [step for step in level if step.index in run.queues]:
                await self._level(steps, run)
        return data

    async def _level(self, steps: Sequence[Step], run: Run) -> None:
        reads, asked, called = _Reads(), _Asked(), _Called()
        try:
            for step in steps:
                match step.source:
                    case Batched() as source:
                        asked.add(step.index, source, run.queues[step.index], run.context, reads)
                    case Call() as call:
                        called.add(step.index, call, run.queues[step.index], run, reads)
            started = reads.start()
        except BaseException:
            called.close()
            raise
        await _all([*started, *called.start()])
        for step in steps:
            answered = asked if isinstance(step.source, Batched) else called
            step.finish(run.queues[step.index], answered.values(step.index, reads), run)


class _Reads:
    """What is read through loaders on a level: each loader is asked once, for all that is wanted of it."""

    def __init__(self) -> None:
        self._wanted: dict[int, tuple[Any, dict[Hashable, None]]] = {}
        self._found: dict[int, asyncio.Future[Mapping[Any, Any]]] = {}

    def want(self, loader: Any, keys: Iterable[Hashable]) -> None:
        self._wanted.setdefault(id(loader), (loader, {}))[1].update(dict.fromkeys(keys))

    def start(self) -> list["asyncio.Future[Mapping[Any, Any]]"]:
        """Ask the loaders."""
        self._found = {name: _started(_load(loader, list(keys))) for name, (loader, keys) in self._wanted.items()}
        return [*self._found.values()]

    def found(self, loader: Any) -> Mapping[Any, Any]:
        """What a loader answered, once it has been awaited."""
        return self._found[id(loader)].result()


class _Asked:
    """What fields that are marked as batched want."""

    _NOT_ALLOWED = object()

    def __init__(self) -> None:
        self._by_step: dict[int, tuple[Any, list[Any]]] = {}

    def add(self, step: int, source: Batched, waiting: Waiting, context: Any, reads: _Reads) -> None:
        key_of, scope = source.key_of, source.scope
        if scope is None:
            wanted = [key_of(parent) for parent, _ in waiting]
            allowed = wanted
        else:
            wanted = [key_of(parent) if parent.allows(scope) else self._NOT_ALLOWED for parent, _ in waiting]
            allowed = [key for key in wanted if key is not self._NOT_ALLOWED]
        loader = getattr(context.loaders, source.loader) if allowed else None
        self._by_step[step] = loader, wanted
        if allowed:
            reads.want(loader, allowed)

    def values(self, step: int, reads: _Reads) -> list[Any]:
        """What the objects of a step get; null where the viewer may not see it."""
        loader, wanted = self._by_step[step]
        found = {} if loader is None else reads.found(loader)
        return [None if key is self._NOT_ALLOWED else found[key] for key in wanted]


class _Called:
    """What resolvers answer on a level: a value, what is to be loaded for one, or something to await."""

    def __init__(self) -> None:
        self._answers: dict[int, list[Any]] = {}

    def add(self, step: int, call: Call, waiting: Waiting, run: Run, reads: _Reads) -> None:
        answers = self._answers[step] = []
        for parent, _ in waiting:
            answer = call.resolve(parent, run)
            answers.append(answer)  # one by one: those before an error have to be closed
            if answer.__class__ is Load:
                reads.want(answer.loader, (answer.key,))

    def start(self) -> list["asyncio.Future[Any]"]:
        """Let them all go on."""
        started = []
        for answers in self._answers.values():
            for index, answer in enumerate(answers):
                if answer.__class__ is not Load and is_awaitable(answer):
                    answers[index] = _started(answer)
                    started.append(answers[index])
        return started

    def values(self, step: int, reads: _Reads) -> list[Any]:
        """What the objects of a step get, once everything has been awaited."""
        return [
            each.of(reads.found(each.loader)[each.key])
            if each.__class__ is Load
            else each.result()
            if asyncio.isfuture(each)
            else each
            for each in self._answers[step]
        ]

    def close(self) -> None:
        """Forget what was not started."""
        for answers in self._answers.values():
            for answer in answers:
                dispose(answer)


def _started(awaitable: Awaitable[Any]) -> "asyncio.Future[Any]":
    """It goes on by itself from now on."""
    if awaitable.__class__ is CoroutineType:  # as nearly all are: to ask what else it may be takes as long
        return asyncio.get_running_loop().create_task(cast(Coroutine[Any, Any, Any], awaitable))
    return asyncio.ensure_future(awaitable)


def _load(loader: Any, keys: list[Any]) -> Awaitable[Mapping[Any, Any]]:
    """The values of distinct keys: from a loader that answers a level at once, else from any with `load`."""
    level = getattr(loader, "load_level", None)
    return _each(loader, keys) if level is None else level(keys)


async def _each(loader: Any, keys: list[Any]) -> dict[Any, Any]:
    return dict(zip(keys, await asyncio.gather(*[loader.load(key) for key in keys]), strict=True))


async def _all(started: Sequence["asyncio.Future[Any]"]) -> None:
    """Wait for everything that was started, and raise the first error.

    Everything has come to its end then, also when whoever waits is cancelled: nothing is left behind.
    """
    try:
        for each in started:
            if not each.done():
                await _end(each)
    except BaseException:
        for each in started:
            each.cancel()
        await asyncio.gather(*started, return_exceptions=True)
        raise
    if any(each.cancelled() for each in started):
        raise Anomaly("a resolver was cancelled")
    errors = [error for each in started if (error := each.exception()) is not None]
    if errors:
        raise errors[0]


async def _end(started: "asyncio.Future[Any]") -> None:
    """Wait until something has come to its end, whichever. Raises CancelledError when whoever waits is cancelled."""
    try:
        await started
    except asyncio.CancelledError:
        waiting = asyncio.current_task()
        if waiting is not None and waiting.cancelling():
            raise
    except Exception:  # noqa: S110 - it is told when all have ended
        pass
