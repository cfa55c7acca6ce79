"""The API from inside the process: `runtime.ports.Objects` on a store.

    database = Database(path)
    resources = Resources(SqlObjectStore(database), Scheme([...]))
    resources.patch(ref, {"status": {...}}, actor="swarmkeeper", subresource="status")

HTTP clients get the same objects by the same rules; see `verbs.py`. All methods are thread-safe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from desired_state.objects import DEFAULT_NAMESPACE, JsonObject, ObjectRef
from desired_state.scheme import Scheme
from swarmkeeper.apiserver import definitions, selectors
from swarmkeeper.apiserver.catalogue import Catalogue, ResourceType
from swarmkeeper.apiserver.patches import merge
from swarmkeeper.apiserver.problems import bad_request
from swarmkeeper.apiserver.verbs import STATUS, Caller, Verbs
from swarmkeeper.runtime.ports import ApiError, Clock
from swarmkeeper.store.objects import Key, ObjectStore


class Resources:
    """Objects of all kinds of a scheme, and of the built-in ones.

    Args:
        store: where they are kept.
        scheme: which kinds there are.
        clock: for timestamps; by default this machine's.
    """

    def __init__(self, store: ObjectStore, scheme: Scheme, *, clock: Clock | None = None) -> None:
        self.store = store
        self.catalogue = Catalogue(scheme)
        self.verbs = Verbs(store, clock=clock)
        self.verbs.ensure_namespace(DEFAULT_NAMESPACE)
        definitions.publish(self.catalogue, self.verbs)

    def get(self, ref: ObjectRef) -> JsonObject | None:
        """One object, or None.

        Raises:
            ApiError: 404 for a kind that is not served.
        """
        stored = self.store.get(_key(self._type(ref.kind), ref))
        return stored.load() if stored else None

    def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Sequence[JsonObject]:
        """All objects of a kind, in order of namespace and name.

        Args:
            kind: CamelCase name.
            namespace: only those in it.
            labels: only those that have all of these.

        Raises:
            ApiError: 404 for a kind that is not served.
        """
        type_ = self._type(kind)
        found = self.store.list(kind, namespace if type_.namespaced else None)
        selector = selectors.equal_labels(labels or {})
        return [stored.load() for stored in found.items if selector.select(stored)]

    def create(self, obj: JsonObject, *, actor: str) -> JsonObject:
        """Creates an object, in `default` where it names no namespace.

        Raises:
            ApiError: 409 AlreadyExists; 422 Invalid; see `Verbs.create`.
        """
        type_ = self._type(str(obj.get("kind")))
        namespace = _namespace(type_, obj)
        return self.verbs.create(type_, namespace, obj, Caller(actor)).load()

    def patch(
        self,
        ref: ObjectRef,
        patch: Mapping[str, Any],
        *,
        actor: str,
        subresource: str | None = None,
    ) -> JsonObject:
        """Merges a patch (RFC 7386); with metadata.resourceVersion in it, only at that version.

        Raises:
            ApiError: 404 NotFound; 409 Conflict; 422 Invalid; see `Verbs.update`.
        """
        type_ = self._type(ref.kind)
        if subresource not in (None, STATUS):
            raise bad_request(f"no subresource {subresource!r}")

        def edit(old: JsonObject) -> JsonObject:
            merged: JsonObject = merge(old, patch)
            return merged

        return self.verbs.update(type_, _key(type_, ref), edit, Caller(actor), subresource).load()

    def replace(self, obj: JsonObject, *, actor: str) -> JsonObject:
        """Puts a whole object (not its status) in the place of the stored one.

        With metadata.resourceVersion in it, only at that version. Equal content writes nothing.

        Raises:
            ApiError: 404 NotFound; 409 Conflict; 422 Invalid; see `Verbs.update`.
        """
        type_ = self._type(str(obj.get("kind")))
        name = str((obj.get("metadata") or {}).get("name"))
        key = Key(type_.kind, _namespace(type_, obj), name)
        return self.verbs.update(type_, key, lambda _: obj, Caller(actor)).load()

    def delete(self, ref: ObjectRef, *, actor: str) -> None:
        """Deletes, or marks as terminating where finalizers remain; absent is fine.

        Raises:
            ApiError: 403 Forbidden; see `Verbs.delete`.
        """
        type_ = self._type(ref.kind)
        try:
            self.verbs.delete(type_, _key(type_, ref), Caller(actor))
        except ApiError as error:
            if error.code != 404:
                raise

    def _type(self, kind: str) -> ResourceType:
        type_ = self.catalogue.of_kind(kind)
        if type_ is None:
            raise ApiError(404, "NotFound", f"the server serves no kind {kind!r}")
        return type_


def _key(type_: ResourceType, ref: ObjectRef) -> Key:
    return Key(type_.kind, ref.namespace if type_.namespaced else "", ref.name)


def _namespace(type_: ResourceType, obj: JsonObject) -> str:
    if not type_.namespaced:
        return ""
    return (obj.get("metadata") or {}).get("namespace") or DEFAULT_NAMESPACE
