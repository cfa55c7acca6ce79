"""Which version of an object a pass acts on: with `upgradePolicy: Approved`, the last approved one.

The approved version lies in the memory beside what the kind remembers. It is forgotten with the object,
and once a version with `upgradePolicy: Auto` is approved. An object that has asked for approval and never
got it has an entry without a spec, so that a later change of the policy alone lets nothing through.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from desired_state.objects import Approval, CommonSpec, JsonObject, Mode, ObjectRef, UpgradePolicy
from swarmkeeper.controller.announce import NORMAL, Announcement
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.guard import Guard, Hold, Question
from swarmkeeper.controller.guard.approval import change, document
from swarmkeeper.controller.names import APPROVE, APPROVED_BY, REVISION
from swarmkeeper.runtime import conditions
from swarmkeeper.runtime.diff import mask_document
from swarmkeeper.runtime.plan import Action, Risk

_SHOWN: Final = 5  # changes that the message names; the status shows all
_STRICTNESS: Final = (Mode.ENFORCE, Mode.WARN, Mode.OFF)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What a pass acts on.

    Attributes:
        stored: the object as the pass is to see it: spec, generation and revision of one version.
        hold: why the declared version waits; None where it is the one that is acted on.
        nothing_approved: there is no version to act on; the declared one is only looked at.
    """

    stored: JsonObject
    hold: Hold | None = None
    nothing_approved: bool = False

    def guard(self, usual: Guard) -> Guard:
        """The guard to ask: one that holds everything where nothing is approved."""
        return Guard((self._refuse,)) if self.nothing_approved else usual

    def _refuse(self, question: Question) -> Hold | None:
        if self.hold is None or not question.by_hand:
            return self.hold
        # The run itself has nothing to approve: it waits for its target.
        return Hold(self.hold.reason, self.hold.message)


def choose(
    deps: Deps, ref: ObjectRef, stored: JsonObject, spec: CommonSpec, now: datetime
) -> Upgrade:
    """Chooses the version, and keeps a newly approved one.

    Args:
        deps: the controller's parts.
        ref: which object.
        stored: as the API has it.
        spec: its spec, validated.
        now: start of the pass.
    """
    metadata = stored["metadata"]
    uid, key = metadata["uid"], memory_key(metadata["uid"])
    approved = deps.memory.get(key)
    if approved is None and spec.upgrade_policy is UpgradePolicy.AUTO:
        return Upgrade(stored)
    current = _version(stored)
    annotations = metadata.get("annotations", {})
    if approved is None or approved["hash"] != current["hash"]:
        if "deletionTimestamp" in metadata or annotations.get(APPROVE) != current["hash"]:
            if approved is None:
                _keep(deps, key, {**current, "spec": None, "hash": ""})
            return _waiting(ref, stored, spec, current, approved)
        told = _approval(ref, current, approved, annotations)
        deps.recorder.record(ref, uid, Announcement(NORMAL, "UpgradeApproved", told), now)
    _keep(deps, key, current if spec.upgrade_policy is UpgradePolicy.APPROVED else None)
    return Upgrade(stored)


def _keep(deps: Deps, key: str, version: JsonObject | None) -> None:
    if deps.memory.get(key) == version:
        return
    deps.require_lease()  # else a successor may know of a later approval
    if version is None:
        deps.memory.forget(key)
    else:
        deps.memory.put(key, version)


def memory_key(uid: str) -> str:
    """Where the approved version of an object lies in the memory."""
    return f"approved/{uid}"


def version_hash(uid: str, spec: Mapping[str, Any]) -> str:
    """What an approval must name: another object or spec has another hash; 12 hex digits."""
    text = json.dumps([uid, spec], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def same_in_both(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a field has the same declared value in two specs.

    Args:
        path: dotted, e.g. `spec.env.LOG_LEVEL`.
        old: one spec as declared.
        new: another.
    """
    here: Any = {"spec": old}
    there: Any = {"spec": new}
    for part in path.split("."):
        if not (isinstance(here, Mapping) and isinstance(there, Mapping)):
            return False
        if part not in here or part not in there:
            return False
        here, there = here[part], there[part]
    return bool(here == there)


def _version(stored: JsonObject) -> JsonObject:
    metadata, spec = stored["metadata"], stored.get("spec", {})
    return {
        "spec": spec,
        "hash": version_hash(metadata["uid"], spec),
        "revision": metadata.get("annotations", {}).get(REVISION, ""),
        "generation": metadata.get("generation", 1),
    }


def _waiting(
    ref: ObjectRef,
    stored: JsonObject,
    spec: CommonSpec,
    current: JsonObject,
    approved: JsonObject | None,
) -> Upgrade:
    hold = _hold(ref, current, approved)
    if approved is None or approved["spec"] is None:
        return Upgrade(stored, hold, nothing_approved=True)
    metadata = stored["metadata"]
    notes = {**metadata.get("annotations", {}), REVISION: approved["revision"]}
    seen = {**metadata, "generation": approved["generation"], "annotations": notes}
    return Upgrade({**stored, "metadata": seen, "spec": _stricter(approved["spec"], spec)}, hold)


def _stricter(approved: JsonObject, declared: CommonSpec) -> JsonObject:
    """The approved spec, with what the declared one says to do less: that counts at once."""
    fields = dict(approved)
    if declared.suspend:
        fields["suspend"] = True
    mode = Mode(fields.get("mode", Mode.ENFORCE))
    if _STRICTNESS.index(declared.mode) > _STRICTNESS.index(mode):
        fields["mode"] = str(declared.mode)
    if declared.approval is Approval.REQUIRED:
        fields["approval"] = str(Approval.REQUIRED)
    return fields


def _hold(ref: ObjectRef, current: JsonObject, approved: JsonObject | None) -> Hold:
    old, hash_ = (approved or {}).get("spec"), current["hash"]
    before, after = _changes(old or {}, current["spec"])
    kept = "is kept to the approved version" if old is not None else "is only looked at"
    reason = f"the spec has changed; meanwhile the object {kept}"
    action = Action("upgrade", str(ref), before, after, reason, Risk.MEDIUM)
    message = (
        f"version {hash_} waits for approval: {_told(before, after)}. Approve it with `swarmkeeper"
        f" approve {ref}` or the annotation {APPROVE}={hash_}; meanwhile the object {kept}"
    )
    pending = {"hash": hash_, "actions": [document(action)]}
    return Hold(conditions.APPROVAL_REQUIRED, message, pending=pending)


def _approval(
    ref: ObjectRef,
    current: JsonObject,
    approved: JsonObject | None,
    annotations: Mapping[str, str],
) -> str:
    by = annotations.get(APPROVED_BY, "")
    before, after = _changes((approved or {}).get("spec") or {}, current["spec"])
    who = f" by {by}" if by else ""
    return f"version {current['hash']} of {ref} was approved{who}: {_told(before, after)}"


def _told(before: JsonObject, after: JsonObject) -> str:
    old, new = mask_document(before), mask_document(after)
    paths = list({**old, **new})
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return (", ".join(change(path, old, new) for path in paths[:_SHOWN]) or "new") + more


def _changes(old: JsonObject, new: JsonObject) -> tuple[JsonObject, JsonObject]:
    """The fields that differ, by dotted path, before and after."""
    was = dict(_fields("spec", old)) if old else {}
    becomes = dict(_fields("spec", new)) if new else {}
    paths = [
        path
        for path in {**was, **becomes}
        if path not in was or path not in becomes or was[path] != becomes[path]
    ]
    before = {path: was[path] for path in paths if path in was}
    return before, {path: becomes[path] for path in paths if path in becomes}


def _fields(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The leaves of a document; every key is in a path, so that what is named like a secret is masked."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _fields(f"{path}.{key}", inner)
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        for number, item in enumerate(value):
            yield from _fields(f"{path}.{number}", item)
    else:
        yield path, value
