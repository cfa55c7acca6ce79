"""What a sandbox's folder says is understood by the next process, or refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from swarmkeeper.sandbox import state
from swarmkeeper.sandbox.errors import (
    NoSuchSandboxError,
    SandboxError,
    UnsupportedMachineError,
)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with TemporaryDirectory(prefix="swk") as short:  # pytest's own are too long for a socket.
        monkeypatch.setenv("SWARMKEEPER_SANDBOX_DIR", short)
        yield Path(short)


def made(name: str = "default", boot: str = "") -> state.State:
    return state.State(name, "10.64.3.0/24", 3, 1, boot or state.boot_id())


def test_what_was_saved_is_loaded() -> None:
    state.save(made())
    state.save(made("other").completed())

    assert state.names() == ["default", "other"]
    assert state.load("default") == made()
    assert state.load("other").up


def test_only_root_may_look_into_the_folder(folder: Path) -> None:
    state.save(made())

    assert (folder / "default").stat().st_mode & 0o777 == 0o700


def test_a_sandbox_of_an_earlier_boot_is_stale() -> None:
    assert not made().stale
    assert made(boot="another").stale


def test_no_folder_is_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMKEEPER_SANDBOX_DIR", "/nonexistent")

    assert state.names() == []
    with pytest.raises(NoSuchSandboxError, match="sandbox up --name gone"):
        state.load("gone")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "default"}'])
def test_a_state_that_is_broken_says_how_to_get_rid_of_it(folder: Path, text: str) -> None:
    (folder / "default").mkdir()
    (folder / "default/state.json").write_text(text)

    with pytest.raises(SandboxError, match="sandbox down --name default"):
        state.load("default")


def test_a_folder_that_is_too_long_for_a_socket_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SWARMKEEPER_SANDBOX_DIR", f"/var/{'long' * 20}")

    with pytest.raises(UnsupportedMachineError, match="shorter"):
        state.folder_of("default")


def test_a_folder_that_nodes_cannot_see_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMKEEPER_SANDBOX_DIR", "/var/run/swarmkeeper")

    with pytest.raises(UnsupportedMachineError, match="elsewhere"):
        state.folder_of("default")


def test_a_folder_is_held_by_one_at_a_time(folder: Path) -> None:
    with state.locked(folder), pytest.raises(BlockingIOError), state.locked(folder, wait=False):
        pass

    with state.locked(folder, wait=False):
        pass
