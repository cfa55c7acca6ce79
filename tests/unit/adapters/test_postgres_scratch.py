"""Where a throw-away server lies when nothing is said."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from swarmkeeper.adapters.postgres.throwaway import Scratch


def test_a_folder_that_only_root_may_enter_is_of_no_use_to_the_servers_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(closed))

    found = Scratch.of("", "/backups").folder

    assert (found == closed) is (os.geteuid() != 0)


def test_a_folder_that_is_declared_is_taken_as_it_is(tmp_path: Path) -> None:
    assert Scratch.of(str(tmp_path), "/backups").folder == tmp_path
