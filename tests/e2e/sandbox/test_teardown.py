"""A sandbox goes without a trace, however it ended, and disturbs no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swarmkeeper.sandbox import Sandbox, down, names, swarm
from swarmkeeper.sandbox.errors import AlreadyUpError, NoSuchSandboxError
from swarmkeeper.sandbox.names import Names
from swarmkeeper.sandbox.state import folder_of
from swarmkeeper.sandbox.waiting import wait_until

SERVICE: dict[str, Any] = {
    "Name": "idle",
    "TaskTemplate": {
        "ContainerSpec": {"Image": "busybox:latest", "Command": ["sleep", "600"]},
        "Resources": {"Limits": {"MemoryBytes": 32 << 20}},
    },
    "EndpointSpec": {"Mode": "dnsrr"},
}


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    if os.geteuid() != 0:
        pytest.skip("a sandbox is made of namespaces and dockerd: run these tests as root")
    yield (own := f"e2e-down-{os.getpid()}")
    down(own)


def traces(name: str) -> list[str]:
    """What of a sandbox the machine shows, looked for without the sandbox's own means."""
    parts, folder = Names(name), str(folder_of(name))
    found = [f"netns {entry.name}" for entry in Path("/run/netns").glob(f"{parts.netns}*")]
    found += [f"link {entry.name}" for entry in Path("/sys/class/net").glob(parts.link)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if folder in line or parts.netns in line]
    found += [f"cgroup {path}" for path in Path("/sys/fs/cgroup").rglob(f"{parts.netns}.*")]
    found += [f"process {line}" for line in _command_lines() if folder in line]
    routes = _output("/usr/sbin/ip", "route", "show")
    found += [f"route {line}" for line in routes.splitlines() if parts.link in line]
    return found + ([f"folder {folder}"] if Path(folder).exists() else [])


def _command_lines() -> list[str]:
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_text(errors="replace").replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return lines


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10).stdout


def kinds(found: list[str]) -> set[str]:
    return {line.split()[0] for line in found}


def start_idle(sandbox: Sandbox) -> None:
    sandbox.nodes[0].engine.post("/services/create", SERVICE)
    tasks = "/tasks?filters=" + json.dumps({"desired-state": ["running"]}).replace(" ", "")
    wait_until(
        lambda: [t["Status"]["State"] for t in sandbox.nodes[0].engine.get(tasks)] == ["running"],
        timeout=20,
        what="the service to run",
    )


def test_nothing_stays_of_a_sandbox_with_running_containers(name: str) -> None:
    rules = _output("/usr/sbin/iptables-save")
    sandbox = Sandbox.create(name, nodes=2, images=["busybox:latest"])
    start_idle(sandbox)

    assert kinds(traces(name)) == {"mount", "netns", "link", "cgroup", "process", "route", "folder"}

    sandbox.down()

    assert traces(name) == []
    assert name not in names()
    assert _output("/usr/sbin/iptables-save") == rules
    sandbox.down()


def test_a_sandbox_goes_with_nodes_that_are_off_frozen_and_cut_off(name: str) -> None:
    sandbox = Sandbox.create(name, nodes=3, managers=1, images=[])
    sandbox.nodes[0].freeze()
    sandbox.nodes[1].power_off()
    sandbox.nodes[2].partition()

    sandbox.down()

    assert traces(name) == []


def test_a_failed_creation_leaves_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("as planned")

    monkeypatch.setattr(swarm, "form", fail)
    with pytest.raises(RuntimeError, match="as planned"):
        Sandbox.create(name, images=[])

    assert traces(name) == []


def test_what_a_killed_creation_left_is_taken_away_by_the_next(name: str) -> None:
    program = (
        "import os, sys; from swarmkeeper.sandbox import Sandbox, swarm; "
        "swarm.form = lambda *_: os._exit(9); Sandbox.create(sys.argv[1], images=[])"
    )
    ended = subprocess.run([sys.executable, "-c", program, name], timeout=60, check=False)
    assert ended.returncode == 9
    assert "process" in kinds(traces(name))
    with pytest.raises(NoSuchSandboxError, match="half-made"):
        Sandbox.open(name)

    with Sandbox.create(name, images=[]) as sandbox:
        assert [one.well for one in sandbox.status()] == [True]

    assert traces(name) == []


def test_a_sandbox_of_an_earlier_boot_is_made_anew(name: str) -> None:
    first = Sandbox.create(name, images=[])
    file = first.state.folder / "state.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"boot": "earlier"}))
    with pytest.raises(NoSuchSandboxError, match="before a reboot"):
        Sandbox.open(name)

    with Sandbox.create(name, images=[]) as second:
        assert Sandbox.open(name) == second

    assert traces(name) == []


def test_two_sandboxes_do_not_disturb_each_other(name: str) -> None:
    with (
        Sandbox.create(name, images=["busybox:latest"]) as one,
        Sandbox.create(f"{name}-b", images=["busybox:latest"]) as other,
    ):
        assert one.state.network != other.state.network
        with pytest.raises(AlreadyUpError, match="sandbox down --name"):
            Sandbox.create(name)
        start_idle(one)
        start_idle(other)

        one.nodes[0].power_off()
        other.add_images(["swarmkeeper/app:1"])

        assert [status.well for status in other.status()] == [True]
        assert other.nodes[0].engine.get("/distribution/swarmkeeper/app:1/json")

        one.down()

        assert [status.well for status in other.status()] == [True]
        assert other.nodes[0].engine.get("/services")[0]["Spec"]["Name"] == "idle"

    assert traces(name) == traces(f"{name}-b") == []
