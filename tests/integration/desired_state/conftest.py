"""A repository with one commit, and a place for what a source keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.repositories import Repository


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repo")
    repository.commit({"a.yaml": "a: 1\n", "deploy/b.yaml": "b: 1\n"}, "First\n\nWith a body.")
    return repository


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"
