"""Log lines: a constant message and keys; one line an entry, for people or for machines."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Final, TextIO

import orjson

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NOISY: Final = ("aiohttp.access", "asyncio", "docker", "kopf", "urllib3")


def configure(*, json: bool, level: str, stream: TextIO = sys.stderr) -> None:
    """Sends all log lines of the process to a stream.

    Args:
        json: one JSON object a line, instead of text.
        level: DEBUG, INFO, WARNING or ERROR.
        stream: where to.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if json else ConsoleFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


class ConsoleFormatter(logging.Formatter):
    """`12:00:01.123 INFO  event object=SwarmService/web reason=ScaleApplied`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it where there is one."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        keys = "".join(f" {key}={_short(value)}" for key, value in _keys(record).items())
        line = f"{time} {record.levelname:<7} {record.getMessage()}{keys}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """`{"time": ..., "level": "info", "message": "event", "object": ...}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_keys(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, default=str).decode()


def _keys(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _short(value: object) -> str:
    text = str(value)
    return orjson.dumps(text).decode() if " " in text or "\n" in text else text
