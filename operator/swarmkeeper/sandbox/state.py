"""What is on disk about sandboxes: one folder each, readable by any later process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from swarmkeeper.sandbox.errors import NoSuchSandboxError, SandboxError, UnsupportedMachineError
from swarmkeeper.sandbox.names import Names

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# A unix socket's path has at most 107 characters; this is the longest below a sandbox's folder.
_LONGEST: Final = 107 - len("/n50/exec/containerd/containerd-debug.sock")


@dataclass(frozen=True, slots=True)
class State:
    """One sandbox, as its folder has it.

    Attributes:
        name: Its name.
        subnet: Its private network.
        nodes: How many nodes it has.
        managers: How many of them, from the first, are managers.
        boot: The boot of the machine in which it was made; later ones hold nothing of it.
        up: False until it was once complete.
    """

    name: str
    subnet: str
    nodes: int
    managers: int
    boot: str
    up: bool = False

    @property
    def names(self) -> Names:
        """What its parts are called."""
        return Names(self.name)

    @property
    def network(self) -> IPv4Network:
        """Its private network."""
        return IPv4Network(self.subnet)

    @property
    def folder(self) -> Path:
        """Where everything of it is."""
        return folder_of(self.name)

    @property
    def stale(self) -> bool:
        """Whether the machine was booted since."""
        return self.boot != boot_id()

    def completed(self) -> State:
        """The same, up."""
        return replace(self, up=True)


def root() -> Path:
    """The folder of all sandboxes: SWARMKEEPER_SANDBOX_DIR, or below /var/lib."""
    return Path(os.environ.get("SWARMKEEPER_SANDBOX_DIR") or "/var/lib/swarmkeeper/sandbox")


def cache() -> Path:
    """The folder of what is built once: SWARMKEEPER_SANDBOX_CACHE, or below /var/cache."""
    return Path(os.environ.get("SWARMKEEPER_SANDBOX_CACHE") or "/var/cache/swarmkeeper")


def boot_id() -> str:
    """What the kernel calls this boot."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def folder_of(name: str) -> Path:
    """The folder of one sandbox.

    Raises:
        UnsupportedMachineError: It is where a node cannot see it, or its path is too long.
    """
    folder = root().resolve() / Names(name).sandbox
    if folder.is_relative_to(Path("/run")):
        raise UnsupportedMachineError(
            f"{folder}: nodes have a /run of their own; set SWARMKEEPER_SANDBOX_DIR elsewhere"
        )
    if len(str(folder)) > _LONGEST:
        raise UnsupportedMachineError(
            f"{folder}: too long for a unix socket in it; set SWARMKEEPER_SANDBOX_DIR to a "
            "shorter path"
        )
    return folder


def names() -> list[str]:
    """The names of all sandboxes that left a folder, half-made ones too."""
    if not root().is_dir():
        return []
    return sorted(entry.name for entry in root().iterdir() if entry.is_dir())


def load(name: str) -> State:
    """Read a sandbox's state.

    Raises:
        NoSuchSandboxError: There is none.
        SandboxError: It is there and cannot be understood.
    """
    path = folder_of(name) / "state.json"
    try:
        return State(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as exc:
        raise NoSuchSandboxError(
            f"there is no sandbox {name!r}: make it with `swarmkeeper sandbox up --name {name}`"
        ) from exc
    except (ValueError, TypeError) as exc:
        raise SandboxError(
            f"{path} cannot be read ({exc}): remove it with `swarmkeeper sandbox down --name {name}`"
        ) from exc


def save(state: State) -> None:
    """Write a sandbox's state, whole or not at all."""
    state.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = state.folder / "state.json.new"
    new.write_text(json.dumps(asdict(state), indent=2) + "\n", encoding="utf-8")
    new.replace(state.folder / "state.json")


@contextlib.contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a folder against other processes; the lock goes with the process that has it.

    Args:
        folder: Is made when it is not there.
        wait: Whether to wait for another that holds it.

    Raises:
        BlockingIOError: Another holds it, and we were not to wait.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
