"""Deletes objects whose owners are gone, as Kubernetes' garbage collector does.

A sweep looks at the state alone, so a missed change costs time and never an object. An owner that can't
be looked up (its kind is not served) is unknown, not gone: what names it stays.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import ownership
from swarmkeeper.apiserver.catalogue import EVENT_V1, Catalogue, ResourceType
from swarmkeeper.apiserver.origin import OPERATOR, ORIGIN
from swarmkeeper.apiserver.ownership import FOREGROUND, ORPHAN, Propagation, references
from swarmkeeper.apiserver.verbs import Caller, DeleteOptions, Verbs
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.store.objects import Key, Stored

_log = logging.getLogger(__name__)


class _Owner(Enum):
    """What is known of an owner."""

    THERE = auto()
    WAITING = auto()
    """It is being deleted, and waits for what belongs to it."""
    GONE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class _Object:
    """An object that owns or is owned."""

    type: ResourceType
    stored: Stored
    content: JsonObject


_ByOwner = Mapping[str, Sequence[_Object]]
"""What belongs to an owner, by its uid."""


class Garbage:
    """What is to be collected.

    Args:
        verbs: the objects.
        catalogue: their kinds.
    """

    def __init__(self, verbs: Verbs, catalogue: Catalogue) -> None:
        self._verbs = verbs
        self._types = {
            (t.api_version, t.kind): t for t in catalogue if t is not EVENT_V1 and not t.virtual
        }
        self._caller = Caller(OPERATOR, manager="garbage-collector", wrote=_tell)

    def sweep(self) -> int:
        """Goes once through all objects, and does what can be done now.

        Returns:
            The number of objects that could not be dealt with; look again later.

        Raises:
            StoreError: the store refused.
        """
        objects = list(self._objects())
        left = 0
        if any(ownership.awaits(each.content, ORPHAN) for each in objects):
            left = self._each(self._orphan, objects, lambda each: ownership.awaits(each, ORPHAN))
            objects = list(self._objects())  # what has become an orphan is none of the following
        left += self._each(self._let_go, objects, lambda each: ownership.awaits(each, FOREGROUND))
        return left + self._each(self._collect, objects, lambda each: bool(references(each)))

    @staticmethod
    def _each(
        step: Callable[[_Object, _ByOwner], None],
        objects: list[_Object],
        wanted: Callable[[JsonObject], bool],
    ) -> int:
        """Takes a step for those that need it, and counts the failures."""
        belongings = _by_owner(objects)
        steps = [partial(step, each, belongings) for each in objects if wanted(each.content)]
        return sum(not _done(each) for each in steps)

    def _objects(self) -> Iterator[_Object]:
        for type_ in self._types.values():
            if "delete" not in type_.verbs:
                continue
            for stored in self._verbs.store.list(type_.kind).items:
                if ownership.may_matter(stored.value):
                    yield _Object(type_, stored, stored.load())

    def _orphan(self, owner: _Object, belongings: _ByOwner) -> None:
        """Takes the owner's name off all that belongs to it; then it may go."""
        for each in belongings.get(owner.stored.uid, ()):
            self._edit(each, partial(ownership.disowned, uids={owner.stored.uid}))
        self._edit(owner, partial(ownership.released, finalizer=ORPHAN))

    def _let_go(self, owner: _Object, belongings: _ByOwner) -> None:
        """Lets an owner go once nothing is left that blocks it."""
        uid = owner.stored.uid
        if not any(_blocks(each, uid) for each in belongings.get(uid, ()) if each is not owner):
            self._edit(owner, partial(ownership.released, finalizer=FOREGROUND))

    def _collect(self, each: _Object, belongings: _ByOwner) -> None:
        """Deletes an object all of whose owners are gone or wait for it; else forgets those."""
        owners = [(r["uid"], self._look_up(each, r)) for r in references(each.content)]
        states = {state for _, state in owners}
        if _Owner.UNKNOWN in states or states == {_Owner.THERE}:
            return
        if _Owner.THERE in states:
            lost = {uid for uid, state in owners if state is not _Owner.THERE}
            self._edit(each, partial(ownership.disowned, uids=lost))
        elif "deletionTimestamp" not in each.content["metadata"] and not _is_declared(each):
            below = belongings.get(each.stored.uid, ())
            circle = any(ownership.awaits(other.content, FOREGROUND) for other in below)
            waits = below and _Owner.WAITING in states and not circle
            self._delete(each, Propagation.FOREGROUND if waits else None)

    def _look_up(self, each: _Object, reference: JsonObject) -> _Owner:
        type_ = self._types.get((reference["apiVersion"], reference["kind"]))
        namespace = each.stored.key.namespace
        if type_ is None or (type_.namespaced and not namespace):
            return _Owner.UNKNOWN
        key = Key(type_.kind, namespace if type_.namespaced else "", reference["name"])
        owner = self._verbs.store.get(key)
        if owner is None or owner.uid != reference["uid"]:
            return _Owner.GONE
        return _Owner.WAITING if ownership.awaits(owner.load(), FOREGROUND) else _Owner.THERE

    def _edit(self, each: _Object, edit: Callable[[JsonObject], JsonObject]) -> None:
        """Changes one incarnation of an object, which may be gone by now."""
        current = self._verbs.store.get(each.stored.key)
        if current is not None and current.uid == each.stored.uid:
            self._verbs.update(each.type, each.stored.key, edit, self._caller)

    def _delete(self, each: _Object, propagation: Propagation | None) -> None:
        version = str(each.stored.revision)
        options = DeleteOptions(each.stored.uid, version, propagation)
        self._verbs.delete(each.type, each.stored.key, self._caller, options)


def _by_owner(objects: list[_Object]) -> _ByOwner:
    belongings: dict[str, list[_Object]] = defaultdict(list)
    for each in objects:
        for uid in {reference["uid"] for reference in references(each.content)}:
            belongings[uid].append(each)
    return belongings


def _blocks(each: _Object, uid: str) -> bool:
    owners = references(each.content)
    return any(r["uid"] == uid and r.get("blockOwnerDeletion") is True for r in owners)


def _is_declared(each: _Object) -> bool:
    """Whether git declares it: then it is for git to delete."""
    annotations = each.content["metadata"].get("annotations") or {}
    return each.type.from_git and ORIGIN in annotations


def _done(step: Callable[[], None]) -> bool:
    try:
        step()
    except ApiError as error:
        if error.code != 404:  # gone is what was wanted
            _log.warning("not collected", extra={"reason": error.message})
            return False
    return True


def _tell(key: Key, old: int, new: int) -> None:
    name = "/".join(part for part in key if part)
    _log.info("garbage collection", extra={"object": name, "old": old, "new": new})
