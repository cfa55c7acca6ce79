"""The object store, as an interface: every write gets a revision, and history can be replayed.

The model is kine's (https://github.com/k3s-io/kine/blob/master/docs/flow.md): one append-only list of
rows, numbered by revision; the state is the newest row of each name; a watch is the rows above a
revision. All methods are synchronous and thread-safe. Values are JSON documents, kept serialised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

import orjson

from desired_state.objects import JsonObject


class Key(NamedTuple):
    """Names one object.

    Attributes:
        kind: e.g. `SwarmService`.
        namespace: empty for kinds without namespaces.
        name: unique within kind and namespace.
    """

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of an object.

    Attributes:
        key: which object.
        uid: identity of this incarnation.
        revision: the write that made this version.
        value: the serialised object; its metadata.resourceVersion is the revision.
    """

    key: Key
    uid: str
    revision: int
    value: bytes

    def load(self) -> JsonObject:
        """The object, decoded; the caller owns it."""
        loaded: JsonObject = orjson.loads(self.value)
        return loaded


class ChangeType(StrEnum):
    """What a write did, in the words of a Kubernetes watch."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the history.

    Attributes:
        type: what happened.
        stored: the version written; for a deletion the last state, at the deletion's revision.
        old: the serialised version before, or None where there was none.
    """

    type: ChangeType
    stored: Stored
    old: bytes | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects as they were together at one revision, in order of namespace and name."""

    revision: int
    items: Sequence[Stored]


class StoreError(Exception):
    """The store can't keep its promises: nothing was written."""


class RevisionConflict(StoreError):  # noqa: N818 - named as in Kubernetes
    """The object is not at the expected revision.

    Args:
        key: which object.
        current: its version now, or None where there is none.
    """

    def __init__(self, key: Key, current: Stored | None) -> None:
        found = f"revision {current.revision}" if current else "nothing"
        super().__init__(f"{key.kind} {key.namespace}/{key.name}: found {found}")
        self.current = current


class RevisionExpired(StoreError):  # noqa: N818 - named as in Kubernetes
    """The history from the revision asked for is gone (or not yet written): list again."""


Render = Callable[[int], bytes]
"""Gives the serialised object for the revision that the write gets; called under a lock."""
Listener = Callable[[Sequence[Change]], None]
"""Called after a commit, in order of revision, on the writer's thread: be quick, don't write."""


class ObjectStore(Protocol):
    """Objects by revision."""

    @property
    def revision(self) -> int:
        """The newest revision that readers see."""
        ...

    @property
    def compacted(self) -> int:
        """The history above this revision is complete; below it is gone."""
        ...

    def get(self, key: Key) -> Stored | None:
        """The current version, or None."""
        ...

    def list(self, kind: str, namespace: str | None = None) -> Listing:
        """All current objects of a kind, in one namespace or in all."""
        ...

    def kinds(self, namespace: str) -> frozenset[str]:
        """The kinds that have objects in a namespace."""
        ...

    def put(self, key: Key, uid: str, render: Render, *, expected: int) -> Stored:
        """Writes a version; durable when this returns.

        Args:
            key: which object.
            uid: its identity.
            render: makes the value.
            expected: revision of the version that this one replaces; 0 for a new object.

        Raises:
            RevisionConflict: another version is there.
            StoreError: the write failed.
        """
        ...

    def remove(self, key: Key, render: Render, *, expected: int) -> Stored:
        """Deletes an object, keeping its last state in the history; see `put`."""
        ...

    def since(self, revision: int, *, limit: int = 1000) -> Sequence[Change]:
        """The first changes above a revision, oldest first.

        Args:
            revision: the last revision that the caller has seen.
            limit: number of changes at most; fewer means that there are no more.

        Raises:
            RevisionExpired: that part of the history is gone: list again.
        """
        ...

    def compact(self, revision: int) -> int:
        """Forgets the history up to a revision, except the newest version of each object.

        Returns:
            The number of rows removed.
        """
        ...

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls the listener after every commit, until the returned function is called."""
        ...
