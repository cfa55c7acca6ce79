"""Which resources the API serves: the kinds of the scheme, and the few built-in ones clients need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from desired_state.objects import CommonSpec
from desired_state.scheme import Column, Kind, ScalePaths, Scheme

CATEGORIES: Final = ("all", "swarmkeeper")
READ_VERBS: Final = ("get", "list", "watch")
WRITE_VERBS: Final = ("create", "delete", "deletecollection", "patch", "update")
PEERING_GROUP: Final = "kopf.dev"
_AGE: Final = Column("Age", ".metadata.creationTimestamp", type="date")


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource: how it is addressed, and which rules its objects follow.

    Attributes:
        group: API group; empty for the core group.
        version: API version within the group.
        kind: CamelCase name; also the name of the kind in the store.
        plural: name in URLs.
        short_names: aliases for kubectl.
        columns: columns of `kubectl get` after the name.
        description: one sentence.
        spec: model that validates `spec`, or None for built-in resources.
        namespaced: whether objects live in namespaces.
        write_verbs: what clients may do besides reading.
        from_git: whether objects may be declared in a source.
        scale: where the numbers of the subresource `scale` are, or None.
        requested: objects are requests, which whoever may operate may create and delete.
        virtual: objects are made of other records when they are read; the store holds none.
    """

    group: str
    version: str
    kind: str
    plural: str
    short_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = (_AGE,)
    description: str = ""
    spec: type[CommonSpec] | None = None
    namespaced: bool = True
    write_verbs: tuple[str, ...] = WRITE_VERBS
    from_git: bool = False
    scale: ScalePaths | None = None
    requested: bool = False
    virtual: bool = False

    @property
    def api_version(self) -> str:
        """As in objects: `v1`, `swarmkeeper.dev/v1alpha1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """Lower case name for kubectl: `kubectl get widget`."""
        return self.kind.lower()

    @property
    def resource(self) -> str:
        """As in messages: `widgets.swarmkeeper.dev`, `events`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """As in messages: `Widget.swarmkeeper.dev`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def custom(self) -> bool:
        """Whether a CustomResourceDefinition tells of it."""
        return self.spec is not None or self.group == PEERING_GROUP

    @property
    def has_status(self) -> bool:
        """Whether `status` is a subresource with its own writes."""
        return self.spec is not None

    @property
    def categories(self) -> tuple[str, ...]:
        """Groups of resources for kubectl: `kubectl get swarmkeeper`."""
        return CATEGORIES if self.spec is not None else ()

    @property
    def verbs(self) -> tuple[str, ...]:
        """What clients may do."""
        return tuple(sorted((*READ_VERBS, *self.write_verbs)))


NAMESPACE: Final = ResourceType(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    short_names=("ns",),
    columns=(Column("Status", ".status.phase"), _AGE),
    description="Groups objects; made when the first object needs it.",
    namespaced=False,
)
EVENT: Final = ResourceType(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    short_names=("ev",),
    description="What happened to an object, for people.",
)
EVENT_V1: Final = ResourceType(
    group="events.k8s.io",
    version="v1",
    kind="Event",
    plural="events",
    short_names=("ev",),
    description="The same events in their newer shape.",
)
DEFINITION: Final = ResourceType(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    short_names=("crd", "crds"),
    columns=(Column("Created At", ".metadata.creationTimestamp", type="date"),),
    description="The kinds that are served; they come with the program.",
    namespaced=False,
    write_verbs=("patch", "update"),  # of labels and annotations
)
_PEERING: Final = (
    "Tells kopf operators of each other, so that one alone acts: the one of highest priority."
)
CLUSTER_PEERING: Final = ResourceType(
    group=PEERING_GROUP,
    version="v1",
    kind="ClusterKopfPeering",
    plural="clusterkopfpeerings",
    description=_PEERING,
    namespaced=False,
)
PEERING: Final = ResourceType(
    group=PEERING_GROUP,
    version="v1",
    kind="KopfPeering",
    plural="kopfpeerings",
    description=_PEERING,
)

AUDIT_RECORD: Final = ResourceType(
    group=Scheme.group,
    version=Scheme.version,
    kind="AuditRecord",
    plural="auditrecords",
    short_names=("ar",),
    columns=(
        Column("Entry", ".entry"),
        Column("Object", ".object"),
        Column("Runbook", ".runbook"),
        Column("Outcome", ".outcome"),
        _AGE,
        Column("Action", ".action", priority=1),
        Column("Target", ".target", priority=1),
        Column("Reason", ".reason", priority=1),
        Column("Verification", ".verification", priority=1),
    ),
    description="One entry of the audit trail: what the operator did, why, and what came of it.",
    namespaced=False,
    write_verbs=(),
    virtual=True,
)


class Catalogue:
    """All resources, by kind and by path.

    Args:
        scheme: the kinds to serve besides the built-in ones.
    """

    def __init__(self, scheme: Scheme) -> None:
        self.kinds = tuple(scheme)
        custom = tuple(_custom(kind) for kind in self.kinds)
        own = (*custom, AUDIT_RECORD)
        self._types = (NAMESPACE, EVENT, *own, EVENT_V1, DEFINITION, CLUSTER_PEERING, PEERING)
        self._by_path = {(t.group, t.version, t.plural): t for t in self._types}
        self._by_kind = {t.kind: t for t in self._types if t is not EVENT_V1 and not t.virtual}

    def __iter__(self) -> Iterator[ResourceType]:
        """All resources, core group first."""
        return iter(self._types)

    def of_kind(self, kind: str) -> ResourceType | None:
        """The resource of a stored kind (for Event, the core one)."""
        return self._by_kind.get(kind)

    def at(self, group: str, version: str, plural: str) -> ResourceType | None:
        """The resource at a path."""
        return self._by_path.get((group, version, plural))

    def group_versions(self) -> dict[str, str]:
        """Version of each group, in order of priority; each group has one version."""
        return {t.group: t.version for t in self._types}

    def in_group(self, group: str, version: str) -> tuple[ResourceType, ...]:
        """The resources of one version of a group."""
        return tuple(t for t in self._types if (t.group, t.version) == (group, version))


def _custom(kind: Kind) -> ResourceType:
    return ResourceType(
        group=Scheme.group,
        version=Scheme.version,
        kind=kind.name,
        plural=kind.plural,
        short_names=kind.short_names,
        columns=kind.columns,
        description=kind.description,
        spec=kind.spec,
        from_git=kind.from_git,
        scale=kind.scale,
        requested=kind.requested,
    )
