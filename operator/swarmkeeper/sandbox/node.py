"""One node: a dockerd with its own network, mount, pid and host-name namespace, and its faults."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from swarmkeeper.sandbox import network, processes, registry
from swarmkeeper.sandbox.command import run
from swarmkeeper.sandbox.engine import Engine
from swarmkeeper.sandbox.errors import NotReadyError, SandboxError
from swarmkeeper.sandbox.names import bridge_address, node_address
from swarmkeeper.sandbox.packages import DOCKER, NSENTER, TINI, UNSHARE
from swarmkeeper.sandbox.state import State
from swarmkeeper.sandbox.waiting import wait_until

# A /run of its own keeps a node away from a containerd, a systemd and the sockets of this
# machine, and gives containers the usual /var/run/docker.sock to mount. It hides where
# /etc/resolv.conf may point to, so that file is made anew.
# $0 host name, $1 folder, $2 where /etc/resolv.conf really is, $3 dockerd.
_BOOT: Final = f"""
hostname "$0"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock "${{2%/*}}"
[ -e "$2" ] || : >"$2"
mount --bind "$1/resolv.conf" "$2"
mount --bind "$1/hosts" /etc/hosts
mount --bind "$1/etc" /etc/docker
exec {TINI} -s -- "$3" --config-file "$1/etc/daemon.json"
"""

# An image that is not in the registry must fail at once, not after minutes of looking for a hub.
_HUB: Final = "docker.io registry-1.docker.io index.docker.io auth.docker.io"
_HOSTS: Final = f"127.0.0.1 localhost {_HUB}\n"


class NodeState(StrEnum):
    """What state a node's machine is in; whether Swarm agrees is another question."""

    RUNNING = "running"
    OFF = "off"
    FROZEN = "frozen"
    PARTITIONED = "partitioned"


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a sandbox.

    Attributes:
        sandbox: The sandbox it belongs to.
        number: Its number in it, from 1.
    """

    sandbox: State
    number: int

    @property
    def name(self) -> str:
        """The host name under which Swarm knows it."""
        return self.sandbox.names.hostname(self.number)

    @property
    def netns(self) -> str:
        """Its network namespace; published ports are on 127.0.0.1 in there."""
        return self.sandbox.names.node_netns(self.number)

    @property
    def address(self) -> IPv4Address:
        """Its address, reachable from the root namespace: host-mode ports are published here."""
        return node_address(self.sandbox.network, self.number)

    @property
    def folder(self) -> Path:
        """Where its daemon keeps everything."""
        return self.sandbox.folder / f"n{self.number}"

    @property
    def socket(self) -> Path:
        """The socket of its engine."""
        return self.folder / "docker.sock"

    @property
    def docker_host(self) -> str:
        """What DOCKER_HOST has to be to talk to it."""
        return f"unix://{self.socket}"

    @property
    def engine(self) -> Engine:
        """Its engine's API."""
        return Engine(self.socket)

    @property
    def log(self) -> str:
        """What its daemon logged."""
        try:
            return (self.folder / "log").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    @property
    def state(self) -> NodeState:
        """What state its machine is in."""
        daemon = self.daemon
        if daemon is None:
            return NodeState.OFF
        if daemon.stopped:
            return NodeState.FROZEN
        if network.is_cut(self.sandbox.names, self.number):
            return NodeState.PARTITIONED
        return NodeState.RUNNING

    @property
    def machine(self) -> processes.Process | None:
        """The process that stands for the whole node; None when it is off."""
        found = processes.read_record(self.folder / "process")
        return found if found and found.alive else None

    @property
    def daemon(self) -> processes.Process | None:
        """Its dockerd; None when the node is off."""
        first = _first_process(self.machine)
        children = first.children() if first else []
        return next((one for one in children if processes.name_of(one) == "dockerd"), None)

    def boot(self) -> None:
        """Start it without waiting for it."""
        if self.machine:
            return
        _forget_last_run(self.folder)
        _write_files(self)
        resolv = os.path.realpath("/etc/resolv.conf")
        processes.spawn(
            [
                UNSHARE,
                *("--mount", "--pid", "--uts", "--fork", "--kill-child=SIGKILL"),
                *("--mount-proc", "--propagation", "private"),
                *("/bin/sh", "-euc", _BOOT, self.name, str(self.folder), resolv, DOCKER.program),
            ],
            netns=self.netns,
            record=self.folder / "process",
            log=self.folder / "log",
        )

    def wait(self, timeout: float = 30) -> None:
        """Wait until its engine answers.

        Raises:
            NotReadyError: It does not, or its daemon ended; with the end of its log.
        """
        quick = Engine(self.socket, timeout=5)
        deadline = time.monotonic() + timeout
        while not quick.answers():
            if self.machine is None or time.monotonic() > deadline:
                raise NotReadyError(f"node {self.name} did not come up:\n{self.log[-2000:]}")
            time.sleep(0.02)

    def power_off(self) -> None:
        """Cut its power: everything in it is gone at once, what is on its disk stays."""
        machine = self.machine
        if machine is None:
            return
        # Process 1 of the pid namespace ends only after all others in it have.
        first = _first_process(machine)
        (first or machine).send(signal.SIGKILL)
        try:
            wait_until(lambda: not machine.alive, timeout=10, what=f"{self.name} to be off")
        except NotReadyError:
            machine.end()

    def power_on(self, timeout: float = 30) -> None:
        """Switch it on and wait for its engine; Swarm takes a few seconds more to see it."""
        self.boot()
        self.wait(timeout)

    def freeze(self) -> None:
        """Hold its daemon: connections open, nothing answers, containers run on."""
        self._daemon().hold()

    def thaw(self) -> None:
        """Let its daemon go on."""
        self._daemon().send(signal.SIGCONT)

    def partition(self) -> None:
        """Cut it off from all other nodes and from us; its socket still works, it is a file."""
        network.cut(self.sandbox.names, self.number)

    def heal(self) -> None:
        """Connect it again."""
        network.mend(self.sandbox.names, self.number)

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs a program of this machine in its network namespace."""
        return [NSENTER, f"--net=/run/netns/{self.netns}", *argv]

    def run(self, argv: Sequence[str], *, timeout: float = 30) -> str:
        """Run a program of this machine in its network namespace and return what it printed.

        Raises:
            CommandError: It failed or took too long.
        """
        return run(self.command(argv), timeout=timeout)

    def _daemon(self) -> processes.Process:
        daemon = self.daemon
        if daemon is None:
            raise SandboxError(f"node {self.name} is off: switch it on first")
        return daemon


def _first_process(machine: processes.Process | None) -> processes.Process | None:
    """Process 1 of the node's pid namespace, the child of the one that stands for the node."""
    children = machine.children() if machine else []
    return children[0] if children else None


def _forget_last_run(folder: Path) -> None:
    """Take away what a daemon that was killed left; pids repeat in a new pid namespace."""
    shutil.rmtree(folder / "exec", ignore_errors=True)
    for name in ("docker.sock", "docker.pid"):
        (folder / name).unlink(missing_ok=True)


def _write_files(node: Node) -> None:
    folder, mirror = node.folder, registry.address(node.sandbox)
    (folder / "etc").mkdir(parents=True, exist_ok=True)
    (folder / "hosts").write_text(_HOSTS, encoding="ascii")
    # With none, or a loopback one, Docker gives containers public resolvers, which time out.
    resolver = f"nameserver {bridge_address(node.sandbox.network)}\n"
    (folder / "resolv.conf").write_text(resolver, encoding="ascii")
    settings = {
        "data-root": str(folder / "data"),
        "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "docker.pid"),
        "hosts": [node.docker_host, "unix:///run/docker.sock"],
        "group": "root",
        "cgroup-parent": f"/{node.sandbox.names.cgroup(node.number)}",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "registry-mirrors": [f"http://{mirror}"],
        "insecure-registries": [mirror],
    }
    (folder / "etc/daemon.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
