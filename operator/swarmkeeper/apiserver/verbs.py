"""The verbs on stored objects: create, update, delete, with every rule that holds for any caller.

HTTP handlers and the in-process API both call this. Objects are addressed by resource and key, and
come back as stored bytes, so that a reader which only passes them on never decodes them.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import applying, approvals, lifecycle, origin, ownership
from swarmkeeper.apiserver.applying import Applied
from swarmkeeper.apiserver.catalogue import EVENT, NAMESPACE, ResourceType
from swarmkeeper.apiserver.managers import MANAGED, tracked
from swarmkeeper.apiserver.ownership import Propagation
from swarmkeeper.apiserver.problems import already_exists, bad_request, conflict, not_found
from swarmkeeper.apiserver.validation import check_object, check_spec
from swarmkeeper.runtime.ports import Clock
from swarmkeeper.store.objects import Key, ObjectStore, RevisionConflict, Stored

STATUS: Final = "status"
_ATTEMPTS: Final = 32  # a write without resourceVersion competes that often before it gives up
_SUFFIX: Final = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, no words: as Kubernetes has it
_MAX_GENERATED: Final = 58  # leaves room for the suffix in 63 characters

Edit = Callable[[JsonObject], JsonObject]
"""Gives the wanted object for the stored one, which it does not change."""


class SystemClock:
    """The time of day of this machine."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and how far to go.

    Attributes:
        actor: name for rules and records.
        dry_run: check everything, write nothing.
        manager: who owns the fields that are written; by default the actor.
        applies: the manager gives up what it no longer names.
        wrote: hears of each version that is written: its key, the revisions before and after.
    """

    actor: str
    dry_run: bool = False
    manager: str = ""
    applies: bool = False
    wrote: Callable[[Key, int, int], None] | None = None


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete.

    Attributes:
        uid: refuse another object; None takes any.
        resource_version: refuse another version; None takes any.
        propagation: what becomes of what belongs to it; None leaves that to its finalizers.
    """

    uid: str | None = None
    resource_version: str | None = None
    propagation: Propagation | None = None


def random_suffix() -> str:
    """Five characters for `metadata.generateName`."""
    return "".join(secrets.choice(_SUFFIX) for _ in range(5))


def random_uid() -> str:
    """Identity of a new object."""
    return str(uuid.uuid4())


class Verbs:
    """Writes objects to a store by the rules of the API.

    Args:
        store: where.
        clock: for creation and deletion timestamps.
        new_uid: makes identities.
        new_suffix: makes endings for generated names.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        clock: Clock | None = None,
        new_uid: Callable[[], str] = random_uid,
        new_suffix: Callable[[], str] = random_suffix,
    ) -> None:
        self.store = store
        self._clock = clock or SystemClock()
        self._new_uid = new_uid
        self._new_suffix = new_suffix

    def create(
        self, type_: ResourceType, namespace: str, body: JsonObject, caller: Caller
    ) -> Stored:
        """Creates an object.

        Args:
            type_: its resource.
            namespace: where; empty for resources without namespaces.
            body: the object as the client gives it; not changed.
            caller: who asks.

        Raises:
            ApiError: 400, 403, 409, 413 or 422.
        """
        metadata = body.get("metadata")
        if not isinstance(metadata, dict):
            raise bad_request("metadata must be a map")
        if type_.namespaced and metadata.get("namespace", namespace) != namespace:
            raise bad_request(
                f"the namespace of the object, {metadata['namespace']!r}, does not match the "
                f"namespace of the request, {namespace!r}"
            )
        generated = not metadata.get("name") and metadata.get("generateName")
        for _ in range(_ATTEMPTS):
            name = self._generate(str(generated)) if generated else metadata.get("name")
            named = {**body, "metadata": {**metadata, "name": name, "namespace": namespace}}
            try:
                return self._create(type_, named, caller)
            except RevisionConflict:
                if not generated:
                    raise already_exists(type_, str(name)) from None
        raise already_exists(type_, str(generated))

    def apply(self, type_: ResourceType, key: Key, applied: Applied, caller: Caller) -> Stored:
        """Merges what a manager wants into an object, or creates it (server-side apply).

        Args:
            type_: its resource.
            key: which object.
            applied: what is wanted.
            caller: who asks.

        Raises:
            ApiError: as `create` and `update`; 409 with causes where others own the fields.
        """
        for _ in range(_ATTEMPTS):
            now = self._clock.now()
            try:
                if self.store.get(key) is not None:
                    edit = partial(applying.apply, applied=applied, now=now)
                    return self.update(type_, key, edit, replace(caller, applies=True))
                metadata = applied.config["metadata"] | {"name": key.name}
                named = {**applied.config, "metadata": metadata | {"namespace": key.namespace}}
                return self._create(type_, named, replace(caller, applies=True))
            except RevisionConflict:
                continue
        raise conflict(type_, key.name)

    def _generate(self, prefix: str) -> str:
        return prefix[:_MAX_GENERATED] + self._new_suffix()

    def _create(self, type_: ResourceType, body: JsonObject, caller: Caller) -> Stored:
        uid = self._new_uid()
        obj = lifecycle.created(type_, body, uid=uid, now=self._clock.now())
        obj = approvals.signed({"metadata": {}}, obj, caller.actor)
        if caller.applies:
            obj = applying.first(obj, caller.manager, self._clock.now())
        check_object(type_, obj)
        check_spec(type_, obj)
        origin.check_create(type_, caller.actor, obj)
        key = key_of(type_, obj)
        if caller.dry_run:
            if self.store.get(key):
                raise RevisionConflict(key, None)
            return Stored(key, uid, 0, lifecycle.encode(obj, 0))
        if type_.namespaced:
            self.ensure_namespace(key.namespace)
        stored = self.store.put(key, uid, lambda rev: lifecycle.encode(obj, rev), expected=0)
        return _told(stored, 0, caller)

    def update(
        self,
        type_: ResourceType,
        key: Key,
        edit: Edit,
        caller: Caller,
        subresource: str | None = None,
    ) -> Stored:
        """Changes an object; an edit that changes nothing writes nothing.

        Args:
            type_: its resource.
            key: which object.
            edit: may be called several times, where others write in between.
            caller: who asks.
            subresource: `status` to change the status alone.

        Raises:
            ApiError: 400, 403, 404, 409, 413 or 422.
        """
        for _ in range(_ATTEMPTS):
            current = self.require(type_, key)
            old = current.load()
            new = self._decide(type_, old, edit(old), caller, subresource)
            if lifecycle.same(old, new):
                return current
            if caller.dry_run:
                return _unwritten(current, new)
            try:
                return _told(self._replace(current, new), current.revision, caller)
            except RevisionConflict:
                continue
        raise conflict(type_, key.name)

    def _decide(
        self,
        type_: ResourceType,
        old: JsonObject,
        wanted: JsonObject,
        caller: Caller,
        subresource: str | None,
    ) -> JsonObject:
        if subresource == STATUS:
            new = lifecycle.with_status(type_, old, wanted)
        else:
            new = approvals.signed(old, lifecycle.updated(type_, old, wanted), caller.actor)
            if caller.applies:
                new["metadata"][MANAGED] = wanted["metadata"][MANAGED]
            else:
                new = tracked(old, new, caller.manager or caller.actor, self._clock.now())
            check_object(type_, new)
            if lifecycle.spec_changed(old, new):
                check_spec(type_, new)
        origin.check_update(type_, caller.actor, old, new)
        return new

    def _replace(self, current: Stored, new: JsonObject) -> Stored:
        def render(revision: int) -> bytes:
            return lifecycle.encode(new, revision)

        if lifecycle.is_finished(new):
            return self.store.remove(current.key, render, expected=current.revision)
        return self.store.put(current.key, current.uid, render, expected=current.revision)

    def delete(
        self,
        type_: ResourceType,
        key: Key,
        caller: Caller,
        options: DeleteOptions | None = None,
    ) -> tuple[Stored, bool]:
        """Deletes an object, or marks it as terminating where finalizers hold it.

        Args:
            type_: its resource.
            key: which object.
            caller: who asks.
            options: what to refuse, and what to do with what belongs to it.

        Returns:
            The last version, and whether the object is gone.

        Raises:
            ApiError: 403, 404 or 409.
        """
        options = options or DeleteOptions()
        for _ in range(_ATTEMPTS):
            current = self.require(type_, key)
            old = current.load()
            _check_preconditions(type_, old, options)
            origin.check_delete(type_, caller.actor, old)
            self._check_empty(type_, key)
            new = ownership.deleting(old, options.propagation)
            held = bool(new["metadata"].get("finalizers"))
            known = new is old and "deletionTimestamp" in old["metadata"]
            if caller.dry_run or (held and known):
                return current, not held
            try:
                last = self._replace(current, self._terminating(new))
                return _told(last, current.revision, caller), not held
            except RevisionConflict:
                continue
        raise conflict(type_, key.name)

    def _terminating(self, obj: JsonObject) -> JsonObject:
        if "deletionTimestamp" in obj["metadata"]:
            return obj
        return lifecycle.terminating(obj, self._clock.now())

    def require(self, type_: ResourceType, key: Key) -> Stored:
        """The current version.

        Raises:
            ApiError: 404.
        """
        current = self.store.get(key)
        if current is None:
            raise not_found(type_, key.name)
        return current

    def ensure_namespace(self, name: str) -> None:
        """Makes a namespace where there is none, as its first object needs it."""
        if self.store.get(Key(NAMESPACE.kind, "", name)) is not None:
            return
        labels = {"kubernetes.io/metadata.name": name}
        body = {"metadata": {"name": name, "labels": labels}}
        try:
            self._create(NAMESPACE, body, Caller(origin.PROGRAM))
        except RevisionConflict:
            return  # another writer made it

    def _check_empty(self, type_: ResourceType, key: Key) -> None:
        if type_ is not NAMESPACE:
            return
        if key.name == "default":
            raise conflict(type_, key.name, "this namespace stays")
        if self.store.kinds(key.name) - {EVENT.kind}:
            raise conflict(type_, key.name, "delete the objects in the namespace first")


def key_of(type_: ResourceType, obj: JsonObject) -> Key:
    """The key of an object in the store."""
    metadata = obj["metadata"]
    return Key(type_.kind, metadata["namespace"] if type_.namespaced else "", metadata["name"])


def _told(stored: Stored, before: int, caller: Caller) -> Stored:
    """What was written, once the caller has heard of it."""
    if caller.wrote is not None:
        caller.wrote(stored.key, before, stored.revision)
    return stored


def _unwritten(current: Stored, new: JsonObject) -> Stored:
    value = lifecycle.encode(new, current.revision)
    return Stored(current.key, current.uid, current.revision, value)


def _check_preconditions(type_: ResourceType, old: JsonObject, wanted: DeleteOptions) -> None:
    metadata = old["metadata"]
    for field, want in (("uid", wanted.uid), ("resourceVersion", wanted.resource_version)):
        if want is not None and want != metadata[field]:
            why = f"Precondition failed: {field} in precondition: {want}, in object: {metadata[field]}"
            raise conflict(type_, metadata["name"], why)
