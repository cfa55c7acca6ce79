"""Makes a child for each widget, which belongs to it."""

from __future__ import annotations

from typing import Any

import kopf
import kubernetes

WIDGETS = ("swarmkeeper.dev", "v1alpha1", "widgets")


@kopf.on.create(*WIDGETS, labels={"made-by": kopf.ABSENT})
def create(spec: kopf.Spec, **_: Any) -> dict[str, str]:
    child: dict[str, Any] = {
        "apiVersion": "swarmkeeper.dev/v1alpha1",
        "kind": "Widget",
        "spec": {"size": spec["size"]},
    }
    kopf.adopt(child)
    kopf.label(child, {"made-by": "kopf"})
    api: Any = kubernetes
    api.config.load_kube_config()
    made = api.client.CustomObjectsApi().create_namespaced_custom_object(
        *WIDGETS[:2], child["metadata"]["namespace"], WIDGETS[2], child
    )
    return {"child": made["metadata"]["name"]}
