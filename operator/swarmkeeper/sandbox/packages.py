"""The Debian packages that a sandbox is made of, installed by name when they are missing."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from swarmkeeper.sandbox import state
from swarmkeeper.sandbox.command import run
from swarmkeeper.sandbox.errors import CommandError, UnsupportedMachineError

IP: Final = "/usr/sbin/ip"
BRIDGE: Final = "/usr/sbin/bridge"
NSENTER: Final = "/usr/bin/nsenter"
UNSHARE: Final = "/usr/bin/unshare"
SETSID: Final = "/usr/bin/setsid"
TINI: Final = "/usr/bin/tini"
REGISTRY: Final = "/usr/bin/docker-registry"
POLICY: Final = Path("/usr/sbin/policy-rc.d")

Report = Callable[[str], None]

_APT_ENV: Final = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "DEBIAN_FRONTEND": "noninteractive",
    "LC_ALL": "C.UTF-8",
    "NEEDRESTART_SUSPEND": "1",
}


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package.

    Attributes:
        name: What apt calls it.
        places: Where its program is, in it or in another that has it too, such as docker-ce.
    """

    name: str
    places: tuple[str, ...]

    @property
    def program(self) -> str:
        """Where its program is; empty when it is missing."""
        return next((place for place in self.places if Path(place).exists()), "")


DOCKER: Final = Package("docker.io", ("/usr/sbin/dockerd", "/usr/bin/dockerd"))
BASE: Final = (
    DOCKER,
    Package("containerd", ("/usr/bin/containerd",)),
    Package("runc", ("/usr/sbin/runc", "/usr/bin/runc")),
    Package("iptables", ("/usr/sbin/iptables",)),
    Package("iproute2", (IP,)),
    Package("tini", (TINI,)),
    Package("util-linux", (UNSHARE,)),
    Package("docker-registry", (REGISTRY,)),
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
    return [package for package in packages if not package.program]


def ensure(packages: Sequence[Package], report: Report) -> None:
    """Install the packages that are missing; start none of their daemons, remove nothing.

    Args:
        packages: What has to be there.
        report: Is told what gets installed, before it is.

    Raises:
        UnsupportedMachineError: apt could not install them.
    """
    if missing(packages):
        with state.locked(state.cache()):  # Else one's guard would go while another installs.
            _install(missing(packages), report)


def fetch(name: str, report: Report) -> Path:
    """Unpack a package into the cache without installing it; for programs that need no other.

    Args:
        name: What apt calls it.
        report: Is told what gets fetched, before it is.

    Returns:
        The folder that has its files.

    Raises:
        UnsupportedMachineError: apt could not fetch it.
    """
    folder = state.cache() / "packages" / name
    with state.locked(state.cache()):
        if not folder.exists():
            report(f"fetching Debian package: {name}")
            _unpack(name, folder)
    return folder


def _install(absent: Sequence[Package], report: Report) -> None:
    if not absent:
        return
    names = sorted({package.name for package in absent})
    report(f"installing Debian packages: {' '.join(names)}")
    with _said(f"install {' '.join(names)}"), _no_daemons():
        _apt("update", timeout=300)
        # A Docker, or anything else, that someone else chose stays.
        _apt("install", "--no-install-recommends", "--no-remove", *names, timeout=900)
    if still := missing(absent):
        files = ", ".join(f"{package.places[0]} ({package.name})" for package in still)
        raise UnsupportedMachineError(f"the packages are installed, yet these are not: {files}")


def _unpack(name: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _said(f"fetch {name}"), TemporaryDirectory(dir=folder.parent) as scratch:
        _apt("update", timeout=300)
        _apt("download", name, timeout=300, folder=scratch)
        archive = next(Path(scratch).glob("*.deb"))
        run(["/usr/bin/dpkg-deb", "--extract", str(archive), f"{scratch}/files"], timeout=60)
        (Path(scratch) / "files").rename(folder)


def _apt(*words: str, timeout: float, folder: str | None = None) -> None:
    apt = ["/usr/bin/apt-get", "-o", "DPkg::Lock::Timeout=300", "--quiet", "--yes"]
    sandbox = ["-o", "APT::Sandbox::User=root"] if folder else []  # Else it warns of the folder.
    env = {**os.environ, **_APT_ENV}
    run([*apt, *sandbox, *words], timeout=timeout, env=env, folder=folder)


@contextlib.contextmanager
def _said(what: str) -> Iterator[None]:
    try:
        yield
    except CommandError as exc:
        raise UnsupportedMachineError(
            f"could not {what}: {exc}\nInstall it by hand, or choose other --images"
        ) from exc


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
