"""A demo that was left running (`--keep`): what is needed to use it, and to end it later."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Final

from swarmkeeper.commands.demo.authority import Authority
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.ground import Ground, recorded
from swarmkeeper.commands.demo.narration import Narrator
from swarmkeeper.commands.demo.operator import OperatorProcess
from swarmkeeper.commands.demo.repository import Repository
from swarmkeeper.commands.demo.swarm import until

_FILE: Final = "demo.json"


def keep(folder: Path, ground: Ground, operator: OperatorProcess, authority: Authority) -> None:
    """Notes what runs."""
    processes = [operator.pid, *(process.pid for process in authority.processes.values())]
    record = {"processes": processes, **ground.record()}
    (folder / _FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def explain(narrator: Narrator, folder: Path, ground: Ground, operator: OperatorProcess) -> None:
    """Says what can be done with it."""
    tree = Repository(folder).tree
    narrator.chapter("It keeps running")
    for line in (
        f"export DOCKER_HOST={ground.docker_host}",
        f"export KUBECONFIG={operator.kubeconfig}",
        f"export SWARMKEEPER_SECRETS={operator.secrets}   # for swarmkeeper plan",
        f"export SWARMKEEPER_CERTIFICATES={ground.stack.example.certificates}   # likewise",
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
        for process in record["processes"]:
            _stop(int(process), folder)
    recorded(record).clear(narrator)
    shutil.rmtree(folder)


def _stop(pid: int, folder: Path) -> None:
    """Ends a process, if the one of that id still is this demo's."""
    if not _is_ours(pid, folder):
        return
    os.kill(pid, signal.SIGTERM)
    until(lambda: not _is_ours(pid, folder), f"process {pid} to stop")


def _is_ours(pid: int, folder: Path) -> bool:
    """All of them work in the demo's folder, or below it."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder.resolve())
    except OSError:
        return False
