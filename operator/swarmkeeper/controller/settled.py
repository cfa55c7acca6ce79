"""Recognises a world that has not changed since all was well, so that a look at it costs next to nothing.

`plan` and `verify` are pure, so for a kind whose verdict does not depend on the time (`steady`), the same
object and the same observation give the same answer: nothing to do, nothing to write.
"""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import orjson

from desired_state.objects import JsonObject, ObjectRef


class Settled:
    """What each settled object looked like, as a digest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digests: dict[ObjectRef, bytes] = {}

    def holds(self, ref: ObjectRef, digest: bytes) -> bool:
        """Whether an object was settled when it, and the world, looked just like this."""
        with self._lock:
            return bool(digest) and self._digests.get(ref) == digest

    def note(self, ref: ObjectRef, digest: bytes) -> None:
        """Notes that an object is settled."""
        with self._lock:
            self._digests[ref] = digest

    def forget(self, ref: ObjectRef) -> None:
        """Drops an object that is not settled, or gone."""
        with self._lock:
            self._digests.pop(ref, None)


def digest(stored: JsonObject, observed: Any) -> bytes:
    """A digest of an object's version and of what was observed; empty where that can't be written."""
    try:
        document = orjson.dumps([stored["metadata"]["resourceVersion"], observed])
    except TypeError:
        return b""
    return hashlib.blake2b(document, digest_size=16).digest()
