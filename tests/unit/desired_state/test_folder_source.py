"""A folder as a source: its revision is its contents."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.repositories import Repository
from support.trees import write

from desired_state.sources import FetchFailed, FolderSource, describe_working_tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, {"state/a.yaml": "a: 1", "state/sub/b.yaml": "b: 1", "state/.git/HEAD": "x"})
    return tmp_path / "state"


def test_a_folder_gives_itself_with_a_hash_of_its_contents(folder: Path) -> None:
    artifact = FolderSource(folder).fetch()

    name, _, digest = artifact.revision.partition("@")
    assert name == "folder"
    assert digest == artifact.digest
    assert len(digest) == len("sha256:") + 64
    assert artifact.path == artifact.root == folder


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.yaml").write_text("a: 2"),
        lambda folder: (folder / "c.yaml").write_text(""),
        lambda folder: (folder / "sub/b.yaml").unlink(),
        lambda folder: (folder / "a.yaml").rename(folder / "z.yaml"),
        lambda folder: (folder / "a.yaml").chmod(0o755),
        lambda folder: (folder / "link").symlink_to("a.yaml"),
        lambda folder: (folder / ".env").write_text("A=1"),
    ],
    ids=["content", "new", "gone", "renamed", "mode", "link", "hidden-file"],
)
def test_any_change_gives_another_revision(folder: Path, change: object) -> None:
    source = FolderSource(folder)
    before = source.fetch()
    assert callable(change)
    change(folder)

    assert source.fetch().revision != before.revision


def test_what_does_not_matter_changes_nothing(folder: Path) -> None:
    source = FolderSource(folder)
    before = source.fetch()
    (folder / ".git/HEAD").write_text("y")
    (folder / "a.yaml").write_text("a: 1")
    (folder / "empty").mkdir()

    assert source.fetch() == before
    assert FolderSource(folder).fetch() == before


def test_a_link_shows_the_change_of_its_target(folder: Path) -> None:
    write(folder, {"..data/c.yaml": "c: 1"})
    (folder / "c.yaml").symlink_to("..data/c.yaml")
    source = FolderSource(folder)
    before = source.fetch()
    (folder / "..data/c.yaml").write_text("c: 2")

    assert source.fetch().revision != before.revision


def test_a_folder_that_went_away_is_told_and_the_last_artifact_stays(folder: Path) -> None:
    source = FolderSource(folder)
    assert source.last is None
    artifact = source.fetch()
    folder.rename(folder.with_name("away"))

    with pytest.raises(FetchFailed, match="is no folder"):
        source.fetch()
    assert source.last == artifact


def test_a_file_that_cannot_be_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *args: object) -> object:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(FetchFailed, match=r"a\.yaml: permission denied$"):
        FolderSource(folder).fetch()


def test_a_working_tree_tells_its_commit_and_whether_it_is_dirty(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    assert describe_working_tree(repo.folder) is None
    head = repo.commit({"deploy/a.yaml": "a: 1", "other.txt": "x"})
    deploy = repo.folder / "deploy"

    clean = describe_working_tree(deploy)
    (repo.folder / "other.txt").write_text("changed elsewhere")
    still_clean = describe_working_tree(deploy)
    (deploy / "new.yaml").write_text("a: 1")
    dirty = describe_working_tree(deploy)

    assert clean is not None
    assert clean.revision == f"main@sha1:{head}"
    assert not clean.dirty
    assert still_clean == clean
    assert dirty is not None
    assert dirty.dirty


def test_outside_a_working_tree_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert describe_working_tree(tmp_path) is None
    assert describe_working_tree(tmp_path / "absent") is None


def test_a_detached_head_is_told_as_such(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    head = repo.commit({"a.yaml": "a: 1"})
    repo.git("checkout", "--quiet", "--detach")

    tree = describe_working_tree(repo.folder)

    assert tree is not None
    assert tree.revision == f"HEAD@sha1:{head}"
