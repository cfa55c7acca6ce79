"""The current state in memory: every object once, as serialised bytes, in order of its name."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from swarmkeeper.store.objects import Change, ChangeType, Key, Listing, Stored

_Name = tuple[str, str]  # namespace, name


class _Kind:
    """Objects of one kind; names are kept sorted, so that a list never sorts."""

    __slots__ = ("items", "names")

    def __init__(self) -> None:
        self.items: dict[_Name, Stored] = {}
        self.names: list[_Name] = []

    def put(self, stored: Stored) -> None:
        name = stored.key[1:]
        if name not in self.items:
            insort(self.names, name)
        self.items[name] = stored

    def remove(self, name: _Name) -> None:
        if self.items.pop(name, None) is not None:
            del self.names[bisect_left(self.names, name)]

    def select(self, namespace: str | None) -> list[Stored]:
        if namespace is None:
            return [self.items[name] for name in self.names]
        start = bisect_left(self.names, (namespace, ""))
        end = bisect_left(self.names, (namespace + "\0", ""))
        return [self.items[name] for name in self.names[start:end]]


class Index:
    """Thread-safe view of the newest version of each object."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[str, _Kind] = {}
        self._revision = 0

    @property
    def revision(self) -> int:
        """The newest revision applied."""
        return self._revision

    def get(self, key: Key) -> Stored | None:
        """The current version, or None."""
        with self._lock:
            kind = self._kinds.get(key.kind)
            return kind.items.get(key[1:]) if kind else None

    def list(self, kind: str, namespace: str | None) -> Listing:
        """Objects of a kind, as they are together now."""
        with self._lock:
            found = self._kinds.get(kind)
            return Listing(self._revision, found.select(namespace) if found else [])

    def kinds(self, namespace: str) -> frozenset[str]:
        """The kinds that have objects in a namespace."""
        with self._lock:
            return frozenset(n for n, kind in self._kinds.items() if kind.select(namespace))

    def load(self, objects: Iterable[Stored], revision: int) -> None:
        """Fills an empty index from the rows of a database."""
        with self._lock:
            for stored in objects:
                self._kinds.setdefault(stored.key.kind, _Kind()).put(stored)
            self._revision = revision

    def apply(self, changes: Iterable[Change]) -> None:
        """Takes over committed changes, all at once for readers."""
        with self._lock:
            for change in changes:
                key = change.stored.key
                kind = self._kinds.setdefault(key.kind, _Kind())
                if change.type is ChangeType.DELETED:
                    kind.remove(key[1:])
                else:
                    kind.put(change.stored)
                self._revision = change.stored.revision

    def differences(self, current: Iterable[Stored], revision: int) -> Sequence[Change]:
        """What must have happened for the objects to be as they are now.

        Args:
            current: all objects now.
            revision: the newest; what is gone is said to be deleted at it.
        """
        with self._lock:
            before = {s.key: s for kind in self._kinds.values() for s in kind.items.values()}
        changes = []
        for stored in current:
            old = before.pop(stored.key, None)
            if old is None or old.revision != stored.revision:
                kind = ChangeType.MODIFIED if old else ChangeType.ADDED
                changes.append(Change(kind, stored, old.value if old else None))
        changes.sort(key=lambda change: change.stored.revision)
        for old in before.values():
            gone = Stored(old.key, old.uid, revision, old.value)
            changes.append(Change(ChangeType.DELETED, gone, old.value))
        return changes

    def advance(self, revision: int) -> None:
        """Says that nothing but what was applied happened up to a revision."""
        with self._lock:
            self._revision = max(self._revision, revision)
