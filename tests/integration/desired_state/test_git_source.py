"""The git source against real repositories: what it gives, what it survives, what it says."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.repositories import Repository

from desired_state.sources import Artifact, FetchFailed, GitSource, SourceConfig
from desired_state.sources.git_command import GitCommand

pytestmark = pytest.mark.integration


def failure(source: GitSource) -> str:
    with pytest.raises(FetchFailed) as caught:
        source.fetch()
    return caught.value.message


def test_a_branch_gives_an_artifact_with_all_about_its_commit(
    repo: Repository, state: Path
) -> None:
    head = repo.git("rev-parse", "HEAD")

    artifact = repo.source(state).fetch()

    assert artifact.revision == f"main@sha1:{head}"
    assert artifact.path == artifact.root == state / "artifacts" / head
    assert (artifact.path / "a.yaml").read_text() == "a: 1\n"
    assert not (artifact.path / ".git").exists()
    assert artifact.message == "First\n\nWith a body."
    assert artifact.author == "Ada <ada@example.org>"
    assert artifact.committed_at.startswith("20")
    assert artifact.digest.startswith("sha256:")
    assert artifact.notes == ()


def test_a_plain_path_works_like_a_file_url(repo: Repository, state: Path) -> None:
    artifact = repo.source(state, url=str(repo.folder)).fetch()

    assert (artifact.path / "deploy/b.yaml").is_file()


def test_a_new_commit_gives_a_new_artifact_and_the_old_one_stays_a_while(
    repo: Repository, state: Path
) -> None:
    source = repo.source(state)
    artifacts = [source.fetch()]
    for number in range(2, 6):
        repo.commit({"a.yaml": f"a: {number}\n"})
        artifacts.append(source.fetch())

    assert [artifact.root.exists() for artifact in artifacts] == [False, False, True, True, True]
    assert (artifacts[-1].path / "a.yaml").read_text() == "a: 5\n"
    assert len({artifact.digest for artifact in artifacts}) == 5


def test_an_unchanged_repository_is_asked_with_one_command(
    repo: Repository, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = repo.source(state)
    first = source.fetch()
    commands: list[str] = []
    run = GitCommand.run

    def counted(self: GitCommand, *arguments: str, env: dict[str, str] | None = None) -> str:
        commands.append(arguments[0])
        return run(self, *arguments, env=env)

    monkeypatch.setattr(GitCommand, "run", counted)

    assert source.fetch() is first
    assert commands == ["ls-remote"]


def test_the_path_is_the_folder_to_load(repo: Repository, state: Path) -> None:
    artifact = repo.source(state, path="deploy").fetch()

    assert artifact.path == artifact.root / "deploy"
    assert (artifact.root / "a.yaml").is_file()


def test_a_path_that_is_not_there_is_told_and_the_last_artifact_stays(
    repo: Repository, state: Path
) -> None:
    source = repo.source(state, path="deploy")
    first = source.fetch()
    repo.git("rm", "-rq", "deploy")
    head = repo.commit({})

    assert failure(source) == f"{repo.url}: commit {head[:7]} has no folder deploy"
    assert source.last == first


def test_a_path_that_leads_out_of_the_checkout_is_refused(repo: Repository, state: Path) -> None:
    (repo.folder / "out").symlink_to("/etc")
    head = repo.commit({})

    assert failure(repo.source(state, path="out")).endswith(f"{head[:7]} has no folder out")


@pytest.mark.parametrize("annotated", [True, False])
def test_a_tag_gives_its_commit_and_follows_when_it_moves(
    repo: Repository, state: Path, annotated: bool
) -> None:
    options = ["--annotate", "--message=v1"] if annotated else []
    first = repo.git("rev-parse", "HEAD")
    repo.git("tag", *options, "v1")
    source = repo.source(state, tag="v1")

    assert source.fetch().revision == f"v1@sha1:{first}"
    assert source.fetch().revision == f"v1@sha1:{first}"
    second = repo.commit({"a.yaml": "a: 2"})
    repo.git("tag", "--force", *options, "v1")
    assert source.fetch().revision == f"v1@sha1:{second}"


def test_a_commit_is_stayed_at(repo: Repository, state: Path) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.commit({"a.yaml": "a: 2"})

    artifact = repo.source(state, commit=first).fetch()

    assert artifact.revision == f"sha1:{first}"
    assert (artifact.path / "a.yaml").read_text() == "a: 1\n"


def test_a_commit_with_a_branch_must_be_on_it(repo: Repository, state: Path) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "--quiet", "-b", "side")
    side = repo.commit({"a.yaml": "a: side"})
    repo.git("checkout", "--quiet", "main")
    repo.commit({"a.yaml": "a: 2"})

    good = repo.source(state / "1", commit=first, branch="main").fetch()

    assert good.revision == f"main@sha1:{first}"
    assert "is not on branch main" in failure(repo.source(state / "2", commit=side, branch="main"))


def test_a_commit_that_does_not_exist_is_told(repo: Repository, state: Path) -> None:
    message = failure(repo.source(state, commit="ab" * 20))

    assert "the commit is not in the repository" in message


def test_a_force_push_is_followed(repo: Repository, state: Path) -> None:
    source = repo.source(state)
    repo.commit({"a.yaml": "a: 2"})
    source.fetch()
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    head = repo.commit({"a.yaml": "a: other"})

    artifact = source.fetch()

    assert artifact.revision == f"main@sha1:{head}"
    assert (artifact.path / "a.yaml").read_text() == "a: other"


def test_a_rewritten_history_without_a_common_commit_is_followed(
    repo: Repository, state: Path
) -> None:
    source = repo.source(state)
    source.fetch()
    repo.git("checkout", "--quiet", "--orphan", "fresh")
    head = repo.commit({"a.yaml": "a: fresh"})
    repo.git("branch", "--quiet", "--force", "main", "fresh")

    assert source.fetch().revision == f"main@sha1:{head}"


def test_a_deleted_branch_is_told_and_the_last_artifact_stays(
    repo: Repository, state: Path
) -> None:
    source = repo.source(state)
    first = source.fetch()
    repo.git("branch", "--move", "main", "mian")

    assert failure(source) == f"{repo.url}: there is no branch main; did you mean mian?"
    assert source.last == first


def test_a_tag_that_is_not_there_is_told(repo: Repository, state: Path) -> None:
    repo.git("tag", "v1.0.0")

    assert failure(repo.source(state, tag="v1.0.1")) == (
        f"{repo.url}: there is no tag v1.0.1; did you mean v1.0.0?"
    )


def test_an_empty_repository_is_told_and_followed_once_it_has_a_commit(
    tmp_path: Path, state: Path
) -> None:
    empty = Repository(tmp_path / "empty")
    source = empty.source(state)

    assert failure(source) == f"{empty.url}: no commits on branch main yet: the repository is empty"
    head = empty.commit({"a.yaml": "a: 1"})
    assert source.fetch().revision == f"main@sha1:{head}"


def test_an_empty_commit_gives_an_empty_artifact(tmp_path: Path, state: Path) -> None:
    empty = Repository(tmp_path / "empty")
    empty.commit({})

    assert list(empty.source(state).fetch().path.iterdir()) == []


def test_a_repository_that_went_away_is_told_and_the_artifact_survives_a_restart(
    repo: Repository, state: Path, tmp_path: Path
) -> None:
    first = repo.source(state).fetch()
    repo.folder.rename(tmp_path / "away")

    source = repo.source(state)

    assert source.last == first
    assert "there is no such repository" in failure(source)
    assert source.last == first
    (tmp_path / "away").rename(repo.folder)
    assert source.fetch() is source.last
    assert source.last == first


def test_another_repository_or_branch_in_the_same_place_starts_afresh(
    repo: Repository, state: Path
) -> None:
    repo.source(state).fetch()
    repo.git("branch", "side")

    assert repo.source(state, branch="side").last is None
    assert repo.source(state, path="deploy").last is None
    assert repo.source(state, branch="side").fetch().revision.startswith("side@")


def test_hooks_and_configuration_of_the_user_are_not_used(
    repo: Repository, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    redirect = f'[url "file:///nowhere/"]\n\tinsteadOf = {repo.url}\n'
    (home / ".gitconfig").write_text(redirect)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_TRACE", "1")

    assert repo.source(state).fetch().revision.startswith("main@")


def test_a_repository_of_another_owner_is_read(repo: Repository, state: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root to give a folder away")
    for folder, _, _ in os.walk(repo.folder):
        os.chown(folder, 12345, 12345)

    assert repo.source(state).fetch().revision.startswith("main@")


def test_submodules_and_lfs_are_noted(repo: Repository, state: Path) -> None:
    module = '[submodule "x"]\n\tpath = x\n\turl = ../x\n'
    repo.commit({".gitmodules": module, ".gitattributes": "*.bin filter=lfs diff=lfs\n"})

    assert repo.source(state).fetch().notes == (
        "submodules are not fetched: their folders are empty",
        "files in Git LFS are not fetched: pointers stand in their place",
    )


def test_many_commits_do_not_make_the_cache_grow_for_ever(repo: Repository, state: Path) -> None:
    source = repo.source(state)
    for number in range(70):
        repo.commit({"a.yaml": f"a: {number}"})
        source.fetch()

    assert len(list((state / "cache.git/objects/pack").glob("*.pack"))) < 66


def test_fetches_at_once_give_the_same_artifact(repo: Repository, state: Path) -> None:
    sources = [repo.source(state), repo.source(state)]
    found: list[Artifact] = []
    threads = [
        threading.Thread(target=lambda source=source: found.append(source.fetch()))
        for source in sources * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_state_folder_that_cannot_be_written_is_told(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    message = failure(repo.source(tmp_path / "file" / "state"))

    assert "Not a directory" in message


def test_the_note_holds_no_more_than_it_should(repo: Repository, state: Path) -> None:
    repo.source(state).fetch()

    note = json.loads((state / "last.json").read_text())

    assert set(note) == {
        "identity", "revision", "root", "path", "digest", "message", "author", "committed_at", "notes",
        "evidence",
    }  # fmt: skip


def test_a_look_at_an_unchanged_repository_only_asks_for_its_refs(
    repo: Repository, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = repo.source(state)
    source.fetch()
    asked: list[str] = []
    for name in ("run", "read", "ask"):
        monkeypatch.setattr(GitCommand, name, _noted(getattr(GitCommand, name), asked))

    source.fetch()

    assert "ls-remote" in asked
    assert not {"fetch", "clone", "archive", "checkout", "worktree"} & set(asked)


def _noted(method: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    def call(self: GitCommand, *arguments: str, **options: Any) -> Any:
        asked.extend(arguments[:1])
        return method(self, *arguments, **options)

    return call


@pytest.mark.parametrize(
    "url",
    ["", "-x", "relative/path", "ext::sh -c touch% x", "git://host/x", "https://me:secret@host/x",
     "http://[bad", "a\nb", "ssh://host/x\n-o"],
)  # fmt: skip
def test_a_url_that_is_not_fit_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        SourceConfig(url=url)

    assert "secret" not in str(caught.value).replace("give it as a secret", "")
