"""Server-side apply: a client says which fields it wants, and gets nobody else's by accident.

Pure functions on an object and its managers; see https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import fieldsets, managers
from swarmkeeper.apiserver.fieldsets import Fields, Path, overlap
from swarmkeeper.apiserver.lifecycle import same, timestamp
from swarmkeeper.apiserver.managers import Manager, Operation
from swarmkeeper.runtime.ports import ApiError


@dataclass(frozen=True, slots=True)
class Applied:
    """What a manager wants.

    Attributes:
        manager: as the client calls itself.
        config: the fields that it wants, as an object.
        force: take over what others own.
    """

    manager: str
    config: JsonObject
    force: bool = False


def first(obj: JsonObject, manager: str, now: datetime) -> JsonObject:
    """A new object, all of whose fields belong to the manager that applied it."""
    fields = fieldsets.fields_of(obj)
    owner = Manager(manager, Operation.APPLY, fields, str(obj["apiVersion"]), timestamp(now))
    return managers.write(obj, [owner])


def apply(live: JsonObject, applied: Applied, now: datetime) -> JsonObject:
    """The object after an apply: merged, without what the manager no longer names, ownership noted.

    Args:
        live: as stored; not changed.
        applied: what the manager wants.
        now: for the time of a change of ownership.

    Raises:
        ApiError: 409 with a cause for each field that another manager owns and has otherwise.
    """
    wanted = fieldsets.owned_part(applied.config)
    fields = frozenset(path for path, _ in fieldsets.leaves(wanted))
    own, others = _split(managers.read(live), applied.manager)
    part = fieldsets.owned_part(live)
    contested = {other: _contested(part, wanted, fields, other) for other in others}
    if any(contested.values()):
        if not applied.force:
            raise _conflict(contested)
        others = [managers.without(other, contested[other], now) for other in others]
    merged = _merge(part, wanted)
    for path in own.fields - fields if own else ():
        if not any(overlap(path, kept) for kept in _all(fields, others)):
            _remove(merged, path)
    version = str(applied.config["apiVersion"])
    if own is None or own.fields != fields:
        own = Manager(applied.manager, Operation.APPLY, fields, version, timestamp(now))
    result = fieldsets.with_owned_part(live, merged)
    return managers.write(_under(applied.config, result), [own, *others])


def _split(found: Iterable[Manager], name: str) -> tuple[Manager | None, list[Manager]]:
    everyone = list(found)
    own = next((m for m in everyone if (m.name, m.operation) == (name, Operation.APPLY)), None)
    return own, [manager for manager in everyone if manager is not own]


def _contested(live: JsonObject, wanted: JsonObject, fields: Fields, other: Manager) -> Fields:
    """The fields that another manager owns and that would change."""
    changes = [f for f in fields if _differ(_value(live, f), _value(wanted, f))]
    return frozenset(f for f in changes if any(overlap(f, owned) for owned in other.fields))


def _differ(live: Any, wanted: Any) -> bool:
    """Whether a field would change; an empty map that is wanted asks for nothing in it."""
    return not (same(live, wanted) or (wanted == {} and isinstance(live, dict)))


def _conflict(contested: dict[Manager, Fields]) -> ApiError:
    causes = [
        (fieldsets.shown(field), f"conflict with {manager.described()}")
        for manager, fields in contested.items()
        for field in sorted(fields)
    ]
    number = f"{len(causes)} conflict" + ("s" if len(causes) > 1 else "")
    told = [f"{message}: {field}" for field, message in causes]
    text = f" {told[0]}" if len(told) == 1 else "\n- " + "\n- ".join(told)
    return ApiError(409, "Conflict", f"Apply failed with {number}:{text}", causes=causes)


def _under(config: JsonObject, result: JsonObject) -> JsonObject:
    """The result under the identity and version that the client names, so that these are checked."""
    names = ("name", "namespace", "uid", "resourceVersion")
    named = {name: config["metadata"][name] for name in names if config["metadata"].get(name)}
    return {**result, "metadata": {**result["metadata"], **named}}


def _merge(target: Any, wanted: Any) -> Any:
    """A copy in which maps are merged and all else is replaced; null is a value."""
    if not isinstance(wanted, dict):
        return wanted
    merged = dict(target) if isinstance(target, dict) else {}
    return merged | {key: _merge(merged.get(key), value) for key, value in wanted.items()}


def _value(node: Any, path: Path) -> Any:
    for name in path:
        if not isinstance(node, dict) or name not in node:
            return _Missing
        node = node[name]
    return node


def _remove(node: Any, path: Path) -> None:
    """Takes a field away, and the maps that are empty without it; copies what it changes."""
    first_step, *rest = path
    if not isinstance(node, dict) or first_step not in node:
        return
    if rest and isinstance(node[first_step], dict):
        node[first_step] = dict(node[first_step])
        _remove(node[first_step], tuple(rest))
        if node[first_step]:
            return
    elif rest:
        return
    del node[first_step]


def _all(fields: Fields, others: Iterable[Manager]) -> Iterable[Path]:
    yield from fields
    for other in others:
        yield from other.fields


class _Missing:
    """Stands for a field that is not there."""
