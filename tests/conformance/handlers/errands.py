"""What runs beside the changes: a timer, a daemon, an index."""

from __future__ import annotations

from typing import Any

import kopf

WIDGETS = ("swarmkeeper.dev", "v1alpha1", "widgets")


@kopf.index(*WIDGETS)
def sizes(name: str, spec: kopf.Spec, **_: Any) -> dict[int, str]:
    return {spec["size"]: name}


@kopf.timer(*WIDGETS, interval=0.3)
def tick(memo: kopf.Memo, patch: kopf.Patch, spec: kopf.Spec, **indexes: Any) -> None:
    memo["ticks"] = memo.get("ticks", 0) + 1
    patch.status["ticks"] = memo["ticks"]
    patch.status["alike"] = sorted(indexes["sizes"].get(spec["size"], []))


@kopf.daemon(*WIDGETS, cancellation_timeout=10)
async def watch(stopped: kopf.DaemonStopped, logger: Any, **_: Any) -> None:
    logger.info("the daemon is up")
    await stopped.wait()
    logger.info("the daemon is down")
