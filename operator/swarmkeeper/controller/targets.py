"""From a stored object to the target of a pass."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from desired_state.objects import CommonSpec, JsonObject, ObjectRef, Origin
from swarmkeeper.controller import upgrades
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.upgrades import Upgrade
from swarmkeeper.runtime.errors import Stalled
from swarmkeeper.runtime.reconciler import Reconciler, Target

_CACHED: Final = 10_000


class Targets:
    """Builds targets, and keeps parsed specs by generation: most passes see an old spec.

    Args:
        deps: the controller's parts.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._lock = threading.Lock()
        self._specs: OrderedDict[str, tuple[int, CommonSpec]] = OrderedDict()
        self._uids: dict[ObjectRef, str] = {}

    def choose(self, ref: ObjectRef, stored: JsonObject, now: datetime) -> Upgrade:
        """The version of an object that a pass acts on.

        Raises:
            Stalled: as `build`.
        """
        with self._lock:
            self._uids[ref] = stored["metadata"]["uid"]
        return upgrades.choose(self._deps, ref, stored, self._spec(ref, stored), now)

    def build(
        self, ref: ObjectRef, stored: JsonObject, upgrade: Upgrade, now: datetime
    ) -> Target[Any]:
        """The target of a pass.

        Args:
            ref: which object.
            stored: as the API has it.
            upgrade: the version to act on.
            now: start of the pass.

        Raises:
            Stalled: the spec does not fit the kind's model (of a newer or older version).
        """
        version = upgrade.stored
        metadata = version["metadata"]
        origin_of = self._deps.origins.lookup(ref)
        if version is stored:
            spec = self._spec(ref, stored)
        else:
            spec = self._parsed(ref, version)
            origin_of = _of_same_values(origin_of, version["spec"], stored.get("spec", {}))
        signals = self._reconciler(ref).signals(ref, spec)
        self._deps.signals.listen(ref, signals | _dependency_signals(ref, spec))
        return Target(
            ref=ref,
            uid=metadata["uid"],
            generation=metadata.get("generation", 1),
            spec=spec,
            declared=version.get("spec", {}),
            origin_of=origin_of,
            now=now,
            memory=self._deps.memory.get(metadata["uid"]),
            status=stored.get("status", {}),
        )

    def forget(self, ref: ObjectRef, uid: str) -> None:
        """Drops what is kept about an object that is gone; an empty uid stands for the last one seen."""
        self._deps.signals.forget(ref)
        with self._lock:
            seen = self._uids.pop(ref, "")
            uid = uid or seen
            self._specs.pop(uid, None)
        if uid:
            self._deps.memory.forget(uid)
            self._deps.memory.forget(upgrades.memory_key(uid))

    def _reconciler(self, ref: ObjectRef) -> Reconciler[Any, Any]:
        return self._deps.reconcilers[ref.kind]

    def _spec(self, ref: ObjectRef, stored: JsonObject) -> CommonSpec:
        uid, generation = stored["metadata"]["uid"], stored["metadata"].get("generation", 1)
        with self._lock:
            cached = self._specs.get(uid)
            if cached is not None and cached[0] == generation:
                self._specs.move_to_end(uid)
                return cached[1]
        spec = self._parsed(ref, stored)
        with self._lock:
            self._specs[uid] = (generation, spec)
            while len(self._specs) > _CACHED:
                self._specs.popitem(last=False)
        return spec

    def _parsed(self, ref: ObjectRef, stored: JsonObject) -> CommonSpec:
        try:
            return self._reconciler(ref).kind.spec.model_validate(stored.get("spec", {}))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise Stalled(f"spec.{field}: {first['msg']}", reason="InvalidSpec") from None


def ready_signal(ref: ObjectRef) -> str:
    """The signal that is given when an object becomes Ready, or stops being so."""
    return f"ready/{ref.kind}/{ref.namespace}/{ref.name}"


def _of_same_values(
    origin_of: Callable[[str], Origin | None], old: JsonObject, new: JsonObject
) -> Callable[[str], Origin | None]:
    """No line of the declared version stands for a value that only the approved one has."""
    return lambda path: origin_of(path) if upgrades.same_in_both(path, old, new) else None


def _dependency_signals(ref: ObjectRef, spec: CommonSpec) -> frozenset[str]:
    return frozenset(
        ready_signal(ObjectRef(other.kind, other.name, other.namespace or ref.namespace))
        for other in spec.depends_on
    )
