"""Field ownership: each declared field, how it reads in a live ServiceSpec and how it is written.

A declared field has a wanted value in one normal form, a reader that brings the live value into the
same form, and a writer that changes that place of the document and nothing else. Comparing, planning,
applying and showing a service are all loops over these fields.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desired_state.objects import JsonObject
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.runtime.diff import FieldDiff
from swarmkeeper.runtime.reconciler import Target


def same(value: Any) -> Any:
    """The value as it is."""
    return value


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field of one object.

    Attributes:
        path: dotted path in the object, e.g. `spec.env.LOG_LEVEL`.
        want: wanted value in normal form; `ABSENT` where there should be none.
        read: live ServiceSpec -> value in normal form.
        write: changes a ServiceSpec in place so that `read` gives `want`.
        restarts: whether Swarm restarts tasks when it changes.
        show: normal form -> what may be shown to people.
    """

    path: str
    want: Any
    read: Callable[[Mapping[str, Any]], Any]
    write: Callable[[JsonObject], None]
    restarts: bool = True
    show: Callable[[Any], Any] = same

    def holds(self, spec: Mapping[str, Any]) -> bool:
        """Whether a live spec is as declared here."""
        return bool(self.read(spec) == self.want)

    def shown(self, spec: Mapping[str, Any]) -> Any:
        """The live value as people may see it."""
        return self.show(self.read(spec))


def differing(fields: Iterable[Field], spec: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields that are not as declared."""
    return tuple(field for field in fields if not field.holds(spec))


def apply(fields: Sequence[Field], spec: Mapping[str, Any]) -> JsonObject:
    """A copy of a live spec with the declared fields put right, and nothing else changed."""
    result: JsonObject = copy.deepcopy(dict(spec))
    for field in fields:
        if not field.holds(result):
            field.write(result)
    return result


def drift_of(
    target: Target[SwarmServiceSpec], fields: Iterable[Field], spec: Mapping[str, Any]
) -> tuple[FieldDiff, ...]:
    """The differences, safe to show, each with where its wish was declared."""
    return tuple(
        FieldDiff(
            field.path,
            want=field.show(field.want),
            got=field.shown(spec),
            origin=target.origin_of(field.path),
            restarts=field.restarts,
        )
        for field in fields
    )
