"""Where each object and field was declared, for the *why* of a drift. Filled by the source loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from desired_state.objects import DeclaredObject, ObjectRef, Origin


class Origins:
    """The declared objects of the snapshot in force, by reference."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: Mapping[ObjectRef, DeclaredObject] = {}

    def set(self, objects: Mapping[ObjectRef, DeclaredObject]) -> None:
        """Puts a new snapshot's objects in force."""
        with self._lock:
            self._objects = objects

    def lookup(self, ref: ObjectRef) -> Callable[[str], Origin | None]:
        """A function from a dotted path to where it was declared, or None where no file did."""
        with self._lock:
            declared = self._objects.get(ref)
        if declared is None:
            return lambda _path: None
        return declared.origin_of

    def revision(self, ref: ObjectRef) -> str:
        """Revision that declares an object; empty for an object that no file declares."""
        with self._lock:
            declared = self._objects.get(ref)
        return declared.origin.revision if declared else ""
