"""The scheme: which kinds exist, and how each is spelled. Filled by the composition root."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from desired_state.objects import GROUP, VERSION, CommonSpec


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`, as CRDs declare it in additionalPrinterColumns.

    Attributes:
        name: heading.
        path: JSONPath into the object, e.g. `.spec.replicas`.
        type: OpenAPI type: string, integer, number, boolean or date.
        priority: 0 shows always, 1 only with `-o wide`.
        description: shown by `kubectl explain` and in tables' metadata.
    """

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    description: str = ""


READY_COLUMNS = (
    Column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
    Column("Status", '.status.conditions[?(@.type=="Ready")].message'),
    Column("Age", ".metadata.creationTimestamp", type="date"),
)


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where a kind keeps the numbers of `kubectl scale`.

    Attributes:
        spec_replicas: path of the number that is wanted, below `.spec`.
        status_replicas: path of the number that is the case, below `.status`.
    """

    spec_replicas: str = ".spec.replicas"
    status_replicas: str = ".status.replicas"


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind is spelled in YAML, in the API and in kubectl.

    Attributes:
        name: CamelCase name, e.g. `SwarmService`.
        plural: lower case plural used in URLs, e.g. `swarmservices`.
        spec: the model that validates the spec.
        short_names: aliases for kubectl, e.g. `svc`.
        columns: columns of `kubectl get` after the name.
        description: one sentence on what the kind keeps true.
        from_git: whether objects of the kind may be declared in a source.
        scale: for `kubectl scale`, or None where the kind has no number of replicas.
        requested: objects are requests: whoever may operate may also create and delete them.
    """

    name: str
    plural: str
    spec: type[CommonSpec]
    short_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = READY_COLUMNS
    description: str = ""
    from_git: bool = True
    scale: ScalePaths | None = None
    requested: bool = False

    @property
    def singular(self) -> str:
        """Lower case singular, e.g. `swarmservice`."""
        return self.name.lower()

    @property
    def crd_name(self) -> str:
        """Name of the custom resource definition, e.g. `swarmservices.swarmkeeper.dev`."""
        return f"{self.plural}.{GROUP}"


class Scheme:
    """All kinds by name."""

    group = GROUP
    version = VERSION

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self._kinds = {kind.name: kind for kind in kinds}

    def __iter__(self) -> Iterator[Kind]:
        """The kinds in order of registration."""
        return iter(self._kinds.values())

    def get(self, name: str) -> Kind | None:
        """The kind of this CamelCase name, or None."""
        return self._kinds.get(name)

    def names(self) -> tuple[str, ...]:
        """CamelCase names of all kinds."""
        return tuple(self._kinds)
