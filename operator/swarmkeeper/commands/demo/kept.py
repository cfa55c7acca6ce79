"""A demo that was left running (`--keep`): what is needed to use it, and to end it later."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Final

from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.ground import Ground, recorded
from swarmkeeper.commands.demo.narration import Narrator
from swarmkeeper.commands.demo.operator import OperatorProcess
from swarmkeeper.commands.demo.repository import Repository
from swarmkeeper.commands.demo.swarm import until

_FILE: Final = "demo.json"


def keep(folder: Path, ground: Ground, operator: OperatorProcess) -> None:
    """Notes what runs."""
    record = {"operator": operator.pid, **ground.record()}
    (folder / _FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def explain(narrator: Narrator, folder: Path, ground: Ground, operator: OperatorProcess) -> None:
    """Says what can be done with it."""
    tree = Repository(folder).tree
    narrator.chapter("It keeps running")
    for line in (
        f"export DOCKER_HOST={ground.docker_host}",
        f"export KUBECONFIG={operator.kubeconfig}",
        f"export SWARMKEEPER_SECRETS={operator.secrets}   # for swarmkeeper plan",
        "kubectl get events --watch",
        f"cd {tree}   # edit, then: git commit -a && git push",
        f"tail -f {operator.log}",
        f"swarmkeeper demo --end {folder}   # takes everything away",
    ):
        narrator.shell(line)


def end(folder: Path, narrator: Narrator) -> None:
    """Ends a demo that was kept, and takes everything away.

    Raises:
        DemoError: there is none.
    """
    try:
        record = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DemoError(f"{folder} holds no demo that was kept") from error
    with narrator.waiting("the operator has stopped"):
        _stop(int(record["operator"]), folder)
    recorded(record).clear(narrator)
    shutil.rmtree(folder)


def _stop(pid: int, folder: Path) -> None:
    """Ends the operator, if the process of that id still is this demo's."""
    if not _is_ours(pid, folder):
        return
    os.kill(pid, signal.SIGTERM)
    until(lambda: not _is_ours(pid, folder), "the operator to stop")


def _is_ours(pid: int, folder: Path) -> bool:
    try:
        return str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
