"""Why an operation is left to graphql-core: before it runs, or because something unusual came up while it ran."""


class CannotCompile(Exception):
    """The operation holds something that is not compiled; `reason` is short and the same for all of its kind."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Anomaly(Exception):
    """A value that graphql-core would answer with an error, or that only it knows how to complete."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Awaits(Anomaly):
    """A resolver that is no coroutine function answered something to await: `field` is its type and name."""

    def __init__(self, field: tuple[str, str]) -> None:
        super().__init__("a plain resolver answered an awaitable")
        self.field = field
