"""What is wrong with `dependsOn` across a whole tree: unknown kinds, missing objects, cycles."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator, Mapping

from desired_state.objects import DeclaredObject, ObjectRef
from desired_state.problems import Problem
from desired_state.scheme import Scheme
from desired_state.suggest import did_you_mean

Objects = Mapping[ObjectRef, DeclaredObject]


def dependency_problems(
    objects: Objects, scheme: Scheme, declared: Container[ObjectRef] | None
) -> Iterator[Problem]:
    """Everything that is wrong with the dependencies of the objects.

    Args:
        objects: the valid objects.
        scheme: the kinds that exist.
        declared: all objects that are declared, valid or not; None where that is not known,
            because a part of the tree could not be read: then nothing is called missing.
    """
    for obj in objects.values():
        for index, target in enumerate(targets(obj)):
            yield from _reference_problems(obj, index, target, scheme, declared)
    for cycle in _cycles(objects):
        chain = " -> ".join(map(str, (*cycle, cycle[0])))
        obj = objects[cycle[0]]
        yield _problem(obj, "spec.dependsOn", f"depends on itself: {chain}")


def targets(obj: DeclaredObject) -> tuple[ObjectRef, ...]:
    """The objects that must be Ready first, in the order of `dependsOn`."""
    return tuple(
        ObjectRef(each.kind, each.name, each.namespace or obj.ref.namespace)
        for each in obj.model.depends_on
    )


def _reference_problems(
    obj: DeclaredObject,
    index: int,
    target: ObjectRef,
    scheme: Scheme,
    declared: Container[ObjectRef] | None,
) -> Iterator[Problem]:
    field = f"spec.dependsOn.{index}"
    kind = scheme.get(target.kind)
    if kind is None:
        hint = did_you_mean(target.kind, scheme.names())
        yield _problem(obj, f"{field}.kind", f"unknown kind '{target.kind[:60]}'{hint}")
    elif kind.from_git and declared is not None and target not in declared:
        yield _problem(obj, f"{field}.name", f"no {target} is declared here")


def _problem(obj: DeclaredObject, field: str, message: str) -> Problem:
    origin = obj.origin_of(field)
    return Problem(origin.path, origin.line, obj.ref, field, message)


def _cycles(objects: Objects) -> Iterator[tuple[ObjectRef, ...]]:
    """For each object on a cycle: one cycle, beginning with the object."""
    edges = _core({ref: {t for t in targets(obj) if t in objects} for ref, obj in objects.items()})
    told: set[ObjectRef] = set()
    for start in sorted(edges):
        cycle = () if start in told else _cycle_from(start, edges)
        for position, ref in enumerate(cycle):
            if ref not in told:
                told.add(ref)
                yield cycle[position:] + cycle[:position]


def _core(edges: Mapping[ObjectRef, set[ObjectRef]]) -> dict[ObjectRef, set[ObjectRef]]:
    """What is left when objects that depend on nothing are taken away, again and again."""
    waiting = {ref: set(found) for ref, found in edges.items()}
    users: dict[ObjectRef, list[ObjectRef]] = {}
    for ref, found in edges.items():
        for target in found:
            users.setdefault(target, []).append(ref)
    free = deque(ref for ref, found in waiting.items() if not found)
    while free:
        done = free.popleft()
        del waiting[done]
        for user in users.get(done, ()):
            waiting[user].discard(done)
            if not waiting[user]:
                free.append(user)
    return waiting


def _cycle_from(
    start: ObjectRef, edges: Mapping[ObjectRef, set[ObjectRef]]
) -> tuple[ObjectRef, ...]:
    """The shortest way from an object back to itself; empty where there is none."""
    came_from: dict[ObjectRef, ObjectRef] = {}
    queue = deque([start])
    while queue:
        ref = queue.popleft()
        for target in sorted(edges[ref]):
            if target == start:
                return _way_back(ref, start, came_from)
            if target not in came_from:
                came_from[target] = ref
                queue.append(target)
    return ()


def _way_back(
    ref: ObjectRef, start: ObjectRef, came_from: Mapping[ObjectRef, ObjectRef]
) -> tuple[ObjectRef, ...]:
    way = [ref]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))
