"""Logs: JSON lines in production, readable ones in development; never the values of local variables.

What the libraries log goes the same way: uvicorn's words from INFO on, everybody else's from WARNING on. Below that
some of them tell the values of statements.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any

import orjson
import structlog

from server.settings import Settings

_LIBRARY_SHARE = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logs(settings: Settings) -> None:
    """Set structlog and the standard library's logging up for this process.

    Tracebacks are plain: the fancy ones print local variables, and those hold tokens and secrets.
    """
    ending: list[structlog.typing.Processor]
    if settings.development:
        ending = [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
        factory: Any = structlog.PrintLoggerFactory(sys.stderr)
    else:
        ending = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_dump)]
        factory = structlog.BytesLoggerFactory(sys.stderr.buffer)
    structlog.configure(
        processors=[*_LIBRARY_SHARE, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
    _configure_libraries(settings, ending)


def _configure_libraries(settings: Settings, ending: list[structlog.typing.Processor]) -> None:
    if not settings.development:
        ending = [*ending[:-1], structlog.processors.JSONRenderer(serializer=_dump_text)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_LIBRARY_SHARE, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    handler.set_name("hearth")
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if each.get_name() != "hearth"] + [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING if settings.development else logging.INFO)


def _dump(told: dict[str, Any], default: Callable[[Any], Any]) -> bytes:
    return orjson.dumps(told, default=default)


def _dump_text(told: dict[str, Any], default: Callable[[Any], Any]) -> str:
    return orjson.dumps(told, default=default).decode()
