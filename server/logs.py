"""Logs: JSON lines in production, readable ones in development; never the values of local variables."""

import logging
import sys

import structlog

from server.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Set structlog up for this process, once.

    Tracebacks are plain: the fancy ones print local variables, and those hold tokens and secrets.
    """
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if settings.development:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if settings.development else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
