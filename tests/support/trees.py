"""Trees of YAML and a scheme with a few kinds, for tests of the desired state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Literal

from pydantic import Field

from desired_state.declared import DeclaredModel
from desired_state.fields import Bytes, Duration
from desired_state.loader import load_tree
from desired_state.objects import CommonSpec, ObjectRef
from desired_state.scheme import Kind, Scheme
from desired_state.snapshot import Snapshot


class Health(DeclaredModel):
    """How to see that a service works."""

    url: str
    """What to ask."""
    expected_status: int = Field(default=200, ge=100, le=599)
    """The answer that means well."""
    start_period: Duration | None = None
    """How long it may take at first."""


class ServiceSpec(CommonSpec):
    """A service, as far as the tests need one."""

    image: str
    """What to run."""
    replicas: int | None = Field(default=None, ge=0)
    """How many."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables."""
    memory: Bytes | None = None
    """Limit of memory."""
    order: Literal["start-first", "stop-first"] = "stop-first"
    """Order of an update."""
    health: Health | None = None
    """Health check."""
    ports: tuple[int, ...] = Field(default=(), max_length=3)
    """Published ports."""


class JobSpec(CommonSpec):
    """A job: everything is optional."""

    schedule: str = "* * * * *"
    """When."""


SCHEME = Scheme(
    [
        Kind("SwarmService", "swarmservices", ServiceSpec, ("svc",)),
        Kind("CronJob", "cronjobs", JobSpec, ("cj",)),
        Kind("RunbookRun", "runbookruns", CommonSpec, ("run",), from_git=False),
    ]
)


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Writes files below a root; texts are dedented."""
    for name, content in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())


def load(root: Path, previous: Snapshot | None = None, revision: str = "") -> Snapshot:
    """Loads a tree by the scheme of the tests."""
    return load_tree(root, SCHEME, revision=revision, previous=previous)


def service(name: str, spec: str = "image: app:1", *, namespace: str = "") -> str:
    """A SwarmService document."""
    place = f", namespace: {namespace}" if namespace else ""
    return (
        "---\napiVersion: swarmkeeper.dev/v1alpha1\nkind: SwarmService\n"
        f"metadata: {{name: {name}{place}}}\nspec: {{{spec}}}\n"
    )


def ref(name: str, kind: str = "SwarmService", namespace: str = "default") -> ObjectRef:
    """Names an object."""
    return ObjectRef(kind, name, namespace)
