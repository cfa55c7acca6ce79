"""Entries that are about to be removed, in a file: gzip, one JSON object a line.

    {"id": "1700000000000-0", "fields": [["text", "hello"], ["raw", {"base64": "/w=="}]]}

A field or value that is no UTF-8 is written in base64.
"""

from __future__ import annotations

import base64
import gzip
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from swarmkeeper.adapters.redis.ids import after
from swarmkeeper.adapters.redis.lag import COUNT, PAGE

_PAGE: Final = 500
# As a script: the client makes a dict of the fields, and a field may be there twice.
_RANGE: Final = "return redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])"


def write(client: Any, key: str, count: int, file: Path) -> str:
    """Writes the oldest entries; the file is there once it is whole and on disk.

    Args:
        client: of the server.
        key: of the stream.
        count: how many entries.
        file: that does not exist yet; its folder is made.

    Returns:
        The id that follows the last one that was written.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.with_name(f"{file.name}.partial")
    last = "0-0"
    try:
        with open(partial, "xb", opener=_private) as raw:
            with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as lines:
                for entry in _entries(client, key, count):
                    last = entry["id"]
                    lines.write(orjson.dumps(entry) + b"\n")
            raw.flush()
            os.fsync(raw.fileno())
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
    _sync(file.parent)
    return after(last)


def lost(client: Any, key: str, below: str) -> Mapping[str, int]:
    """By group: entries below an id that it has not read, or not acknowledged."""
    found = {}
    for group in client.xinfo_groups(key):
        name = group["name"].decode(errors="replace")
        unread = _unread(client, key, group["last-delivered-id"].decode(), below)
        found[name] = unread + _pending(client, key, group["name"], below)
    return found


def _unread(client: Any, key: str, last_delivered: str, below: str) -> int:
    count, start = 0, f"({last_delivered}"
    while True:
        found: int
        last: bytes
        found, last = client.eval(COUNT, 1, key, start, f"({below}", PAGE)
        count += found
        if found < PAGE:
            return count
        start = f"({last.decode()}"


def _pending(client: Any, key: str, group: bytes, below: str) -> int:
    """Pending entries below an id that still exist."""
    count, start = 0, "-"
    while True:
        page = client.xpending_range(key, group, min=start, max=f"({below}", count=_PAGE)
        for entry in page:
            count += bool(client.xrange(key, min=entry["message_id"], max=entry["message_id"]))
        if len(page) < _PAGE:
            return count
        start = f"({page[-1]['message_id'].decode()}"


def _entries(client: Any, key: str, count: int) -> Iterator[dict[str, Any]]:
    start = "-"
    while count > 0:
        page = client.eval(_RANGE, 1, key, start, min(count, _PAGE))
        if not page:
            return
        for id_, flat in page:
            pairs = zip(flat[::2], flat[1::2], strict=True)
            yield {"id": id_.decode(), "fields": [[_text(k), _text(v)] for k, v in pairs]}
        count -= len(page)
        start = f"({page[-1][0].decode()}"


def _text(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
