"""Log lines: a constant message and keys; one line an entry, for people or for machines."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson

from swarmkeeper.runtime import log_context
from swarmkeeper.runtime.redaction import Redactor

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NOISY: Final = ("aiohttp.access", "asyncio", "docker", "kopf", "urllib3")


def configure(
    *, json: bool, level: str, stream: TextIO = sys.stderr, redactor: Redactor | None = None
) -> None:
    """Sends all log lines of the process to a stream.

    Args:
        json: one JSON object a line, instead of text.
        level: DEBUG, INFO, WARNING or ERROR.
        stream: where to.
        redactor: takes secrets out of them.
    """
    handler = logging.StreamHandler(stream)
    redactor = redactor or Redactor()
    handler.setFormatter(JsonFormatter(redactor) if json else ConsoleFormatter(redactor))
    handler.addFilter(in_context)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def in_context(record: logging.LogRecord) -> bool:
    """Gives a line the keys of the pass that its thread is in; its own ones win."""
    for key, value in log_context.current().items():
        vars(record).setdefault(key, value)
    return True


class RedactingFormatter(logging.Formatter):
    """Takes secrets out of messages, keys and tracebacks before they are put into a line.

    Args:
        redactor: knows how.
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        super().__init__()
        self._redactor = redactor or Redactor()

    def message(self, record: logging.LogRecord) -> str:
        """The message."""
        return self._redactor.text(record.getMessage())

    def keys(self, record: logging.LogRecord) -> dict[str, object]:
        """The keys; what is no plain value is turned into text first."""
        found = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        return {key: self._shown(value) for key, value in found.items()}

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """The traceback."""
        return self._redactor.text(super().formatException(ei))

    def _shown(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._redactor.text(str(value))


class ConsoleFormatter(RedactingFormatter):
    """`12:00:01.123 INFO  event object=SwarmService/web reason=ScaleApplied`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it where there is one."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        keys = "".join(f" {key}={_short(value)}" for key, value in self.keys(record).items())
        line = f"{time} {record.levelname:<7} {self.message(record)}{keys}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(RedactingFormatter):
    """`{"time": ..., "level": "info", "message": "event", "object": ...}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.message(record),
            **self.keys(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, default=str).decode()


def _short(value: object) -> str:
    text = str(value)
    return orjson.dumps(text).decode() if " " in text or "\n" in text else text
