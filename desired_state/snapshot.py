"""What should be, at one revision: all objects that a source declares and all that is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from desired_state.objects import DeclaredObject, ObjectRef
from desired_state.problems import Problem


@dataclass(frozen=True, slots=True)
class Difference:
    """How one snapshot differs from an earlier one; every tuple is sorted."""

    added: tuple[ObjectRef, ...] = ()
    changed: tuple[ObjectRef, ...] = ()
    removed: tuple[ObjectRef, ...] = ()

    def __bool__(self) -> bool:
        """True if anything differs."""
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All objects of a source at one revision. Immutable.

    Attributes:
        revision: `main@sha1:<40 hex>`, `folder@sha256:<hex>` or empty.
        objects: the valid objects, and the last good version of those broken now (`stale`).
        problems: everything that is wrong, in order of file and line.
        files_read: how many YAML files were looked into.
        unreadable: files that could not be understood: nobody knows what they declare.
        broken: objects that are declared, but not validly.
    """

    revision: str = ""
    objects: Mapping[ObjectRef, DeclaredObject] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    files_read: int = 0
    unreadable: tuple[str, ...] = ()
    broken: frozenset[ObjectRef] = frozenset()

    def __post_init__(self) -> None:
        """Shuts the mapping against changes."""
        object.__setattr__(self, "objects", MappingProxyType(dict(self.objects)))

    @property
    def complete(self) -> bool:
        """True if `objects` holds all that is declared: what is missing in it may be pruned."""
        return not self.unreadable and self.broken <= self.objects.keys()

    def may_prune(self, ref: ObjectRef) -> bool:
        """True if it is certain that the source does not declare this object (any more)."""
        return not self.unreadable and ref not in self.objects and ref not in self.broken

    def problems_of(self, ref: ObjectRef) -> tuple[Problem, ...]:
        """The problems of one object."""
        return tuple(problem for problem in self.problems if problem.ref == ref)

    def diff(self, earlier: Snapshot) -> Difference:
        """What came, changed and went since an earlier snapshot; moved lines are no change."""
        ours, theirs = self.objects, earlier.objects
        both = ours.keys() & theirs.keys()
        return Difference(
            added=tuple(sorted(ours.keys() - theirs.keys())),
            changed=tuple(sorted(ref for ref in both if _differs(ours[ref], theirs[ref]))),
            removed=tuple(sorted(theirs.keys() - ours.keys())),
        )


def _differs(one: DeclaredObject, other: DeclaredObject) -> bool:
    return one.spec != other.spec or one.metadata != other.metadata
