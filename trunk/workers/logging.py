"""The log: one JSON object on a line of standard error, or a readable line on a console.

Law: events in the past tense and ids, never document text. So signxml, which logs the documents it looks at, is
silenced whatever the level, and other libraries are heard from warnings on. In JSON no value can break its line or
deceive who reads it, whatever he takes for the end of a line: what is not printable is spelt.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import MutableSequence
from typing import Any, Final

import orjson
import structlog

from trunk.settings import Log

_SILENT: Final = ("signxml", "aiohttp.access")
_SPARING: Final = ("aiohttp", "asyncio", "pika", "sqlalchemy", "alembic", "xmlschema")


def configure(settings: Log) -> None:
    """Send structlog's and the standard library's logs to standard error in the form that ``settings`` names."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, *_rendering(settings.format)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),  # the standard library's way costs twice as much
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(settings.format)],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    _quieten(level)


def _rendering(form: str) -> MutableSequence[structlog.typing.Processor]:
    if form == "console":
        plain = structlog.dev.plain_traceback  # the pretty one shows local variables: documents
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(tracebacks),
        structlog.processors.JSONRenderer(serializer=_dumps),
    ]


def _quieten(level: int) -> None:
    for name in _SILENT:
        silent = logging.getLogger(name)
        silent.handlers = [logging.NullHandler()]  # without any, the "last resort" would speak
        silent.propagate = False
    for name in _SPARING:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _dumps(value: Any, **_: Any) -> str:
    text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
