"""The Debian packages that a sandbox is made of, installed by name when they are missing."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from swarmkeeper.sandbox import state
from swarmkeeper.sandbox.command import run
from swarmkeeper.sandbox.errors import CommandError, UnsupportedMachineError

DOCKERD: Final = "/usr/sbin/dockerd"
IP: Final = "/usr/sbin/ip"
BRIDGE: Final = "/usr/sbin/bridge"
NSENTER: Final = "/usr/bin/nsenter"
UNSHARE: Final = "/usr/bin/unshare"
SETSID: Final = "/usr/bin/setsid"
TINI: Final = "/usr/bin/tini"
REGISTRY: Final = "/usr/bin/docker-registry"
POLICY: Final = Path("/usr/sbin/policy-rc.d")

_APT_ENV: Final = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "DEBIAN_FRONTEND": "noninteractive",
    "LC_ALL": "C.UTF-8",
    "NEEDRESTART_SUSPEND": "1",
}


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package and the file by which we know that it is there."""

    name: str
    proof: str


BASE: Final = (
    Package("docker.io", DOCKERD),
    Package("containerd", "/usr/bin/containerd"),
    Package("runc", "/usr/sbin/runc"),
    Package("iptables", "/usr/sbin/iptables"),
    Package("iproute2", IP),
    Package("tini", TINI),
    Package("util-linux", UNSHARE),
    Package("docker-registry", REGISTRY),
)


def require_supported_machine() -> None:
    """Refuse, in words, a machine or a user that cannot hold a sandbox.

    Raises:
        UnsupportedMachineError: Not Linux, not Debian's family, or not root.
    """
    if platform.system() != "Linux":
        raise UnsupportedMachineError(
            "a sandbox needs Linux: it is made of network namespaces; use a Linux machine or VM"
        )
    if not Path("/usr/bin/apt-get").exists():
        raise UnsupportedMachineError(
            "a sandbox needs Debian or a relative of it: its programs come from apt packages"
        )
    if os.geteuid() != 0:
        raise UnsupportedMachineError(
            "a sandbox needs root: it makes network namespaces and starts dockerd; use sudo"
        )


def missing(packages: Sequence[Package]) -> list[Package]:
    """Which of these packages are not installed."""
    return [package for package in packages if not Path(package.proof).exists()]


def ensure(packages: Sequence[Package], report: Callable[[str], None]) -> None:
    """Install the packages that are missing; start none of their daemons.

    Args:
        packages: What has to be there.
        report: Is told what gets installed, before it is.

    Raises:
        UnsupportedMachineError: apt could not install them.
    """
    if missing(packages):
        with state.locked(state.cache()):  # Else one's guard would go while another installs.
            _install(missing(packages), report)


def _install(absent: Sequence[Package], report: Callable[[str], None]) -> None:
    if not absent:
        return
    names = sorted({package.name for package in absent})
    report(f"installing Debian packages: {' '.join(names)}")
    apt = ["/usr/bin/apt-get", "-o", "DPkg::Lock::Timeout=300", "--quiet", "--yes"]
    env = {**os.environ, **_APT_ENV}
    try:
        with _no_daemons():
            run([*apt, "update"], timeout=300, env=env)
            run([*apt, "install", "--no-install-recommends", *names], timeout=900, env=env)
    except CommandError as exc:
        raise UnsupportedMachineError(f"could not install {' '.join(names)}: {exc}") from exc
    if still := missing(absent):
        files = ", ".join(f"{package.proof} ({package.name})" for package in still)
        raise UnsupportedMachineError(
            f"installed the packages, yet these files are not there: {files}"
        )


@contextlib.contextmanager
def _no_daemons() -> Iterator[None]:
    """Keep packages from starting daemons, with a guard that is ours; respect one that is not."""
    try:
        with POLICY.open("x", encoding="ascii") as guard:
            guard.write("#!/bin/sh\nexit 101\n")
    except FileExistsError:
        yield
        return
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
