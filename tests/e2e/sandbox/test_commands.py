"""`swarmkeeper sandbox` by hand: each command in a process of its own, as people use it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from swarmkeeper.sandbox import Sandbox, down


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    if os.geteuid() != 0:
        pytest.skip("a sandbox is made of namespaces and dockerd: run these tests as root")
    own = f"e2e-commands-{os.getpid()}"
    assert sandbox("up", "--name", own, "--images", "busybox:latest").returncode == 0
    yield own
    down(own)


def sandbox(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "swarmkeeper", "sandbox", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_up_again_changes_nothing(name: str) -> None:
    again = sandbox("up", "--name", name)

    assert again.returncode == 0
    assert "up already" in again.stderr


def test_up_with_another_number_of_nodes_is_refused(name: str) -> None:
    again = sandbox("up", "--name", name, "--nodes", "2")

    assert again.returncode == 1
    assert "is up with 1 nodes" in again.stderr


def test_env_is_for_a_shell_to_evaluate(name: str) -> None:
    command = (
        f'eval "$({sys.executable} -m swarmkeeper sandbox env --name {name})"; echo $DOCKER_HOST'
    )
    shell = subprocess.run(
        ["/bin/sh", "-euc", command], capture_output=True, text=True, timeout=60, check=True
    )

    assert shell.stdout.strip() == Sandbox.open(name).docker_host


def test_exec_runs_in_the_network_of_the_node(name: str) -> None:
    done = sandbox("exec", "--name", name, "--", "/usr/sbin/ip", "-br", "address")

    assert done.returncode == 0
    assert f"{Sandbox.open(name).address}/24" in done.stdout


def test_status_fails_while_a_node_is_not_well(name: str) -> None:
    well = sandbox("status", "--name", name)
    frozen = sandbox("node", "freeze", "1", "--name", name)
    ill = sandbox("status", "--name", name)
    thawed = sandbox("node", "thaw", f"{name}-1", "--name", name)

    assert (well.returncode, frozen.returncode, thawed.returncode) == (0, 0, 0)
    assert "running" in well.stdout
    assert "leader" in well.stdout
    assert ill.returncode == 1
    assert "frozen" in ill.stdout


def test_what_is_not_there_is_told_in_a_sentence(name: str) -> None:
    nobody = sandbox("status", "--name", "nobody")
    no_node = sandbox("node", "freeze", "7", "--name", name)

    assert nobody.returncode == no_node.returncode == 1
    assert nobody.stderr.strip() == (
        "error: there is no sandbox 'nobody': make it with `swarmkeeper sandbox up --name nobody`"
    )
    assert "has no node '7'" in no_node.stderr


def test_down_can_be_said_twice(name: str) -> None:
    first, second = sandbox("down", "--name", name), sandbox("down", "--name", name)

    assert first.returncode == second.returncode == 0
    assert name not in sandbox("list").stdout.split()
