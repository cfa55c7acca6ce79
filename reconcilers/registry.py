"""All kinds, one line each: adding a kind is a new folder here and a line below."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from desired_state.scheme import Scheme
from reconcilers import certificate, postgres_backup, redis_stream, swarm_service
from swarmkeeper.runtime.reconciler import Reconciler

_ALL: Final[tuple[Reconciler[Any, Any], ...]] = (
    swarm_service.RECONCILER,
    redis_stream.RECONCILER,
    postgres_backup.RECONCILER,
    certificate.RECONCILER,
)

RECONCILERS: Final[Mapping[str, Reconciler[Any, Any]]] = MappingProxyType(
    {reconciler.kind.name: reconciler for reconciler in _ALL}
)
"""Every kind by its CamelCase name, in the order of registration."""


def scheme() -> Scheme:
    """The kinds as the loader and the API know them."""
    return Scheme(reconciler.kind for reconciler in _ALL)
