"""Puts a snapshot in force: creates, changes and prunes the objects of one source on the API.

What is not certain is left as it is: a file that can't be read removes nothing, and neither does a
source that declares nothing at all (unless it is allowed to).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from desired_state.objects import API_VERSION, DeclaredObject, JsonObject, ObjectRef
from desired_state.scheme import Scheme
from desired_state.snapshot import Snapshot
from swarmkeeper.controller.names import ACTOR, FINALIZER, ORIGIN, REFUSED, REVISION, SOURCE_LABEL
from swarmkeeper.runtime.ports import Objects

_OURS: Final = (ORIGIN, REVISION, REFUSED)


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done to the API.

    Attributes:
        created: new objects.
        changed: objects whose content or origin changed.
        deleted: objects that the source no longer declares.
        held: objects that would have been deleted, and why they were not.
        leaving: objects that are being deleted though they are declared (again): once they are
            gone, the snapshot must be applied once more.
    """

    created: tuple[ObjectRef, ...] = ()
    changed: tuple[ObjectRef, ...] = ()
    deleted: tuple[ObjectRef, ...] = ()
    held: tuple[tuple[ObjectRef, str], ...] = ()
    leaving: tuple[ObjectRef, ...] = ()

    @property
    def touched(self) -> tuple[ObjectRef, ...]:
        """All objects that deserve a look now."""
        return (*self.created, *self.changed, *self.deleted)

    def __str__(self) -> str:
        """`1 created, 2 changed, 0 deleted`."""
        held = f", {len(self.held)} kept" if self.held else ""
        return (
            f"{len(self.created)} created, {len(self.changed)} changed,"
            f" {len(self.deleted)} deleted{held}"
        )


class Applier:
    """Applies snapshots of one source.

    Args:
        objects: the embedded API.
        scheme: the kinds.
        source: name of the source; its objects carry it as a label.
    """

    def __init__(self, objects: Objects, scheme: Scheme, source: str) -> None:
        self._objects = objects
        self._scheme = scheme
        self._source = source

    def apply(self, snapshot: Snapshot, *, prune: bool, allow_empty: bool) -> Applied:
        """Makes the API hold what the snapshot declares.

        Args:
            snapshot: what should be.
            prune: whether objects that are no longer declared are deleted.
            allow_empty: whether a snapshot without any object may delete all.
        """
        existing = self._existing()
        created, changed, leaving = [], [], []
        for ref, declared in snapshot.objects.items():
            wanted = self._wanted(declared, _refusal(snapshot, declared))
            stored = existing.get(ref) or self._objects.get(ref)
            if stored is None:
                self._objects.create(wanted, actor=ACTOR)
                created.append(ref)
            elif "deletionTimestamp" in stored["metadata"]:
                leaving.append(ref)
            elif _differs(stored, wanted):
                self._objects.replace(_merged(stored, wanted), actor=ACTOR)
                changed.append(ref)
        changed.extend(self._mark_broken(snapshot, existing))
        deleted, held = self._prune(snapshot, existing, prune=prune, allow_empty=allow_empty)
        return Applied(tuple(created), tuple(changed), deleted, held, tuple(leaving))

    def _existing(self) -> dict[ObjectRef, JsonObject]:
        found = {}
        for kind in self._scheme:
            if not kind.from_git:
                continue
            for obj in self._objects.list(kind.name, labels={SOURCE_LABEL: self._source}):
                metadata = obj["metadata"]
                found[ObjectRef(kind.name, metadata["name"], metadata["namespace"])] = obj
        return found

    def _wanted(self, declared: DeclaredObject, refusal: str) -> JsonObject:
        annotations = {
            **declared.metadata.annotations,
            ORIGIN: str(declared.origin),
            REVISION: declared.origin.revision,
        }
        if refusal:
            annotations[REFUSED] = refusal
        return {
            "apiVersion": API_VERSION,
            "kind": declared.ref.kind,
            "metadata": {
                "name": declared.ref.name,
                "namespace": declared.ref.namespace,
                "labels": {**declared.metadata.labels, SOURCE_LABEL: self._source},
                "annotations": annotations,
                "finalizers": [FINALIZER],
            },
            "spec": dict(declared.spec),
        }

    def _mark_broken(
        self, snapshot: Snapshot, existing: Mapping[ObjectRef, JsonObject]
    ) -> list[ObjectRef]:
        """Marks objects that are declared invalidly and of which no good version is at hand."""
        marked = []
        for ref in sorted(snapshot.broken - snapshot.objects.keys()):
            stored = existing.get(ref)
            if stored is None:
                continue
            refusal = "; ".join(str(problem) for problem in snapshot.problems_of(ref)[:3])
            if stored["metadata"].get("annotations", {}).get(REFUSED) != refusal:
                patch = {"metadata": {"annotations": {REFUSED: refusal}}}
                self._objects.patch(ref, patch, actor=ACTOR)
                marked.append(ref)
        return marked

    def _prune(
        self,
        snapshot: Snapshot,
        existing: Mapping[ObjectRef, JsonObject],
        *,
        prune: bool,
        allow_empty: bool,
    ) -> tuple[tuple[ObjectRef, ...], tuple[tuple[ObjectRef, str], ...]]:
        deleted, held = [], []
        for ref in sorted(existing.keys() - snapshot.objects.keys()):
            why = _why_not(snapshot, ref, prune=prune, allow_empty=allow_empty)
            if why:
                held.append((ref, why))
            elif "deletionTimestamp" not in existing[ref]["metadata"]:
                self._objects.delete(ref, actor=ACTOR)
                deleted.append(ref)
        return tuple(deleted), tuple(held)


def _why_not(snapshot: Snapshot, ref: ObjectRef, *, prune: bool, allow_empty: bool) -> str:
    """Why an object that the snapshot lacks is not deleted; empty where it may be."""
    if not prune:
        return "spec.prune is false"
    if not snapshot.may_prune(ref):
        return "files are broken: it is not certain that it is no longer declared"
    if not snapshot.objects and not allow_empty:
        return "the source declares nothing at all and spec.allowEmpty is false"
    return ""


def _refusal(snapshot: Snapshot, declared: DeclaredObject) -> str:
    """Why the declaration that stands in the source now is not in force, or empty."""
    if not declared.stale:
        return ""
    problems = snapshot.problems_of(declared.ref) or tuple(
        problem for problem in snapshot.problems if problem.path == declared.origin.path
    )
    text = "; ".join(str(problem) for problem in problems[:3]) or "its file is broken"
    return f"{text} (the last good declaration, {declared.origin}, stays in force)"


def _differs(stored: JsonObject, wanted: JsonObject) -> bool:
    """Whether content or origin changed; a mere new commit elsewhere is no change."""
    if stored.get("spec", {}) != wanted["spec"]:
        return True
    ours, theirs = wanted["metadata"], stored["metadata"]
    if any(theirs.get("labels", {}).get(key) != value for key, value in ours["labels"].items()):
        return True
    if FINALIZER not in theirs.get("finalizers", ()):
        return True
    return _notes(ours) != _notes(theirs, ours)


def _notes(metadata: Mapping[str, Any], like: Mapping[str, Any] | None = None) -> JsonObject:
    """The annotations that the source decides on, without the commit."""
    annotations = metadata.get("annotations", {})
    names = set((like or metadata).get("annotations", {})) | {REFUSED}
    notes = {name: annotations.get(name) for name in names - {REVISION}}
    notes[ORIGIN] = str(annotations.get(ORIGIN, "")).partition("@")[0]
    return notes


def _merged(stored: JsonObject, wanted: JsonObject) -> JsonObject:
    """The stored object with the source's content; notes and finalizers of others stay."""
    metadata = dict(stored["metadata"])
    others = {
        key: value for key, value in metadata.get("annotations", {}).items() if key not in _OURS
    }
    metadata["annotations"] = {**others, **wanted["metadata"]["annotations"]}
    metadata["labels"] = wanted["metadata"]["labels"]
    metadata["finalizers"] = sorted({*metadata.get("finalizers", ()), FINALIZER})
    return {**stored, "metadata": metadata, "spec": wanted["spec"]}
