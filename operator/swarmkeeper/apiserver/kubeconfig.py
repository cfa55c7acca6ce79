"""Writes the file that points kubectl at the embedded API: `kubectl --kubeconfig FILE get all`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml

from desired_state.objects import DEFAULT_NAMESPACE, JsonObject
from swarmkeeper.apiserver.access import write_private

CONTEXT: Final = "swarmkeeper"


def write_kubeconfig(path: Path, *, server: str, token: str) -> None:
    """Writes a kubeconfig with mode 0600.

    Args:
        path: the file; its folder must exist.
        server: URL of the API, e.g. `http://127.0.0.1:8001`.
        token: bearer token.

    Raises:
        OSError: it can't be written.
    """
    write_private(path, yaml.safe_dump(kubeconfig(server, token), sort_keys=False))


def kubeconfig(server: str, token: str) -> JsonObject:
    """The document; see https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/."""
    context = {"cluster": CONTEXT, "user": CONTEXT, "namespace": DEFAULT_NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": server}}],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": context}],
        "current-context": CONTEXT,
    }
