"""Taking a sandbox away, whole or half-made, so that nothing of it stays."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from swarmkeeper.sandbox import network, processes
from swarmkeeper.sandbox.errors import NotReadyError
from swarmkeeper.sandbox.names import Names
from swarmkeeper.sandbox.state import folder_of
from swarmkeeper.sandbox.waiting import wait_until

_CGROUPS: Final = Path("/sys/fs/cgroup")


def remove(name: str) -> None:
    """End its processes, then take away its wires, cgroups and folder; in any state, many times.

    A record from before a reboot is of a process that is no more, and is not mistaken for a new
    one: the start time does not match.
    """
    names, folder = Names(name), folder_of(name)
    for record in sorted(folder.glob("n*/process")):
        _end_machine(record)
    if registry := processes.read_record(folder / "registry.process"):
        registry.end()
    network.remove(names)
    _remove_cgroups(names)
    _remove_folder(folder)


def leftovers(name: str) -> list[str]:
    """What of a sandbox is on this machine now, one line each."""
    names, folder = Names(name), folder_of(name)
    found = [f"namespace {netns}" for netns in network.namespaces(names)]
    found += [f"link {names.link}"] if network.has_link(names) else []
    found += [f"cgroup {path}" for path in _cgroups(names)]
    found += [f"folder {folder}"] if folder.exists() else []
    return found


def _end_machine(record: Path) -> None:
    machine = processes.read_record(record)
    if machine is None:
        return
    children = machine.children()
    for child in children:
        child.end()  # Process 1 of its pid namespace: gone only when all in there are.
    machine.end()


def _cgroups(names: Names) -> Iterator[Path]:
    """The cgroups of its nodes, in each hierarchy, the innermost first."""
    prefix = f"{names.netns}."
    for folder, folders, _ in os.walk(_CGROUPS):
        for child in list(folders):
            if child.startswith(prefix) and child.removeprefix(prefix).isdigit():
                folders.remove(child)
                inner = [Path(top) for top, _, _ in os.walk(Path(folder) / child)]
                yield from reversed(inner)


def _remove_cgroups(names: Names) -> None:
    def gone() -> bool:
        for path in _cgroups(names):
            with contextlib.suppress(OSError):  # Busy while its last process ends.
                path.rmdir()
        return next(_cgroups(names), None) is None

    with contextlib.suppress(NotReadyError):
        wait_until(gone, timeout=5, what="its cgroups to be empty")


def _remove_folder(folder: Path) -> None:
    wait_until(lambda: _removed(folder), timeout=10, what=f"{folder} to be removed")


def _removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
