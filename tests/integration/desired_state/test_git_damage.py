"""The git source and damage: to its cache, its artifacts, its notes, and by a killed process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.repositories import Repository

pytestmark = pytest.mark.integration


def spoil_packs(cache: Path) -> None:
    for pack in cache.glob("objects/pack/*"):
        pack.chmod(0o600)
        pack.write_bytes(b"x")


def lose_packs(cache: Path) -> None:
    for pack in cache.glob("objects/pack/*.pack"):
        pack.unlink()


def become_a_file(cache: Path) -> None:
    shutil.rmtree(cache)
    cache.write_text("a file")


@pytest.mark.parametrize(
    "damage",
    [
        lambda cache: shutil.rmtree(cache / "objects"),
        lambda cache: (cache / "HEAD").write_text("nonsense"),
        lambda cache: (cache / "HEAD").unlink(),
        lambda cache: (cache / "config").write_text("[core\nnonsense"),
        lambda cache: (cache / "shallow.lock").touch(),
        lambda cache: (cache / "shallow").write_text("nonsense\n"),
        spoil_packs,
        lose_packs,
        become_a_file,
    ],
    ids=["objects", "head", "no-head", "config", "lock", "shallow", "packs", "no-pack", "file"],
)  # fmt: skip
def test_a_corrupted_cache_is_made_again(repo: Repository, state: Path, damage: object) -> None:
    source = repo.source(state)
    source.fetch()
    assert callable(damage)
    damage(state / "cache.git")
    head = repo.commit({"a.yaml": "a: 2"})

    artifact = source.fetch()

    assert artifact.revision == f"main@sha1:{head}"
    assert (artifact.path / "a.yaml").read_text() == "a: 2"


def test_a_damaged_artifact_is_noticed_at_start_and_made_again(
    repo: Repository, state: Path
) -> None:
    first = repo.source(state).fetch()
    (first.path / "a.yaml").write_text("tampered")

    source = repo.source(state)

    assert source.last is None
    assert source.fetch() == first
    assert (first.path / "a.yaml").read_text() == "a: 1\n"


@pytest.mark.parametrize("note", ["", "{}", "[]", "nonsense", '{"identity": 1}'])
def test_a_broken_note_on_the_last_artifact_is_no_obstacle(
    repo: Repository, state: Path, note: str
) -> None:
    first = repo.source(state).fetch()
    (state / "last.json").write_text(note)

    source = repo.source(state)

    assert source.last is None
    assert source.fetch() == first


def test_what_a_killed_process_left_is_cleared_away(repo: Repository, state: Path) -> None:
    source = repo.source(state)
    source.fetch()
    litter = state / "artifacts" / ".new-dead"
    litter.mkdir()
    repo.commit({"a.yaml": "a: 2"})
    source.fetch()

    assert not litter.exists()
