"""Writes the file that points kubectl at the embedded API: `kubectl --kubeconfig FILE get all`."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

import yaml

from desired_state.objects import DEFAULT_NAMESPACE, JsonObject
from swarmkeeper.apiserver.files import write_private

CONTEXT: Final = "swarmkeeper"


def write_kubeconfig(path: Path, *, server: str, token: str, authority: bytes = b"") -> None:
    """Writes a kubeconfig with mode 0600.

    Args:
        path: the file; its folder must exist.
        server: URL of the API, e.g. `https://127.0.0.1:8001`.
        token: bearer token.
        authority: the certificate to trust, as PEM.

    Raises:
        OSError: it can't be written.
    """
    write_private(path, yaml.safe_dump(kubeconfig(server, token, authority), sort_keys=False))


def kubeconfig(server: str, token: str, authority: bytes = b"") -> JsonObject:
    """The document; see https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/."""
    cluster = {"server": server}
    if authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    context = {"cluster": CONTEXT, "user": CONTEXT, "namespace": DEFAULT_NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": context}],
        "current-context": CONTEXT,
    }
