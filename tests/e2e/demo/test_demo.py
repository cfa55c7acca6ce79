"""`swarmkeeper demo`, as people run it: it shows what it promises, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TOLD = (
    "scaled it",
    "scaled it back",
    "created it again, as it was",
    "refused it with file:line",
    "put the commit in force",
    "trimmed what all had done",
    "took one, and restored it",
    "a backup two days old",
    "the newest backup cut in half",
    "all 20,000 rows are back",
    "ordered another one, without a",
)
RESOURCES = (["service"], ["network"], ["secret"], ["volume"], ["image", "--all"])


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of a demo's own; short, for they hold sockets.

    Attributes:
        files: for what is temporary.
        sandboxes: for sandboxes.
    """

    files: Path
    sandboxes: Path

    @property
    def environment(self) -> dict[str, str]:
        """Of a person who has set nothing else."""
        inherited = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
        own = {"TMPDIR": str(self.files), "SWARMKEEPER_SANDBOX_DIR": str(self.sandboxes)}
        return {**inherited, **own, "COLUMNS": "160"}

    def left(self) -> list[str]:
        """What is still there: files, sandboxes, processes."""
        folders = (self.files, self.sandboxes)
        files = [str(entry) for folder in folders for entry in folder.iterdir()]
        return sorted([*files, *(line for folder in folders for line in processes_of(folder))])


@pytest.fixture
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="sk") as name:
        place = Place(Path(name) / "t", Path(name) / "s")
        place.files.mkdir()
        place.sandboxes.mkdir()
        yield place


def demo(place: Place, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "swarmkeeper", "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=place.environment,
    )


def finished(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=170)
    assert process.returncode == 0, output
    return output


def resources(docker_host: str) -> dict[str, set[str]]:
    """Everything that a demo could leave on an engine; base images that it pulled may stay."""
    found = {}
    for what, *more in RESOURCES:
        command = ["docker", "--host", docker_host, what, "ls", "--quiet", *more]
        listed = subprocess.run(command, check=True, capture_output=True, text=True)
        found[what] = set(listed.stdout.split())
    return found


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that have to do with a folder."""
    words = str(folder).encode()
    lines = (_command_line(entry) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [line.decode() for line in lines if words in line]


def _command_line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def test_every_step_works_on_a_swarm_of_its_own_and_nothing_is_left(place: Place) -> None:
    output = finished(demo(place))

    assert all(words in output for words in TOLD)
    assert "agents.yaml:42: SwarmService/agent-qa: spec.replicas" in output
    assert re.search(r"want 3, got 0 \(agents\.yaml:11@[0-9a-f]{7}\)", output)
    accepted = [int(ms) for ms in re.findall(r"accepted by the engine after (\d+) ms", output)]
    assert len(accepted) == 4
    assert max(accepted) < 5_000
    assert place.left() == []


def test_on_a_swarm_that_is_there_only_its_own_things_are_touched(
    place: Place, docker_host: str
) -> None:
    for image in ("busybox", "redis:7-alpine", "postgres:15", "traefik:v3"):
        subprocess.run(["docker", "--host", docker_host, "pull", "-q", image], check=True)
    before = resources(docker_host)

    output = finished(demo(place, "--docker-host", docker_host))

    assert all(words in output for words in TOLD)
    after = resources(docker_host)
    pulled = after.pop("image") - before.pop("image")
    assert after == before
    assert len(pulled) <= 2  # what `stack deploy` has found in the registry by itself
    assert place.left() == []


def test_a_kept_demo_can_be_used_and_ended(place: Place) -> None:
    output = finished(demo(place, "--keep"))
    (folder,) = place.files.iterdir()
    told = dict(
        re.findall(
            r"export (DOCKER_HOST|SWARMKEEPER_SECRETS|SWARMKEEPER_CERTIFICATES)=(\S+)", output
        )
    )

    plan = subprocess.run(
        [sys.executable, "-m", "swarmkeeper", "plan", str(folder / "desired-state")],
        env={**place.environment, **told},
        capture_output=True,
        text=True,
        check=False,
    )
    finished(demo(place, "--end", str(folder)))

    assert (plan.returncode, plan.stderr) == (0, "")
    assert "9 of 9 objects in sync" in plan.stdout
    assert place.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(place: Place, number: signal.Signals) -> None:
    with demo(place) as process:
        for line in process.stdout or ():
            if "Kubernetes API answers" in line:
                process.send_signal(number)

    assert process.returncode == 130
    assert place.left() == []
