"""A bare repository as a cache of the remote one: it may be thrown away at any time."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desired_state.sources.evidence import Evidence, SignedObject
from desired_state.sources.git_command import GitCommand, GitFailed, GitTimedOut

_WANT: Final = "refs/swarmkeeper/want"
_FORMAT: Final = "%H%x00%an <%ae>%x00%cI%x00%B"
_MOST_PACKS: Final = 64


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that the cache holds."""

    sha: str
    author: str
    committed_at: str
    message: str


class GitCache:
    """The cache of one repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def drop(self) -> None:
        """Throws the cache away, whatever has become of it."""
        if self.folder.is_dir() and not self.folder.is_symlink():
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            self.folder.unlink(missing_ok=True)

    def fetch(self, git: GitCommand, url: str, ref: str, commit: str | None) -> Commit:
        """Brings a commit into the cache.

        Args:
            git: how to run git.
            url: the remote repository.
            ref: full name of the ref to read; empty for a commit alone.
            commit: the commit to stay at, or None for where the ref points.

        Raises:
            GitFailed: the remote one or the cache does not do what it should.
        """
        self._prepare(git)
        if commit is None:
            self._shallow(git, url, ref)
        else:
            self._pinned(git, url, ref, commit)
        text = self._run(git, "log", "-1", f"--format={_FORMAT}", commit or _WANT)
        sha, author, committed_at, message = text.split("\0", 3)
        return Commit(sha, author, committed_at, message.strip())

    def evidence(self, git: GitCommand, commit: Commit, *, tagged: bool) -> Evidence:
        """The signed objects of the commit that was fetched last.

        Args:
            git: how to run git.
            commit: what was fetched.
            tagged: whether a tag was fetched; it may be a lightweight one.
        """
        tag = None
        if tagged and self._run(git, "cat-file", "-t", _WANT).strip() == "tag":
            tag = SignedObject("tag", self._object(git, "tag", _WANT))
        return Evidence(SignedObject("commit", self._object(git, "commit", commit.sha)), tag)

    def check_out(self, git: GitCommand, commit: Commit, folder: Path) -> None:
        """Writes the files of a commit into an empty folder."""
        index = {"GIT_INDEX_FILE": str(folder.with_suffix(".index"))}
        tree = f"--work-tree={folder}"
        git.run(
            f"--git-dir={self.folder}", tree, "read-tree", "--reset", "-u", commit.sha, env=index
        )

    def _prepare(self, git: GitCommand) -> None:
        packs = self.folder / "objects" / "pack"
        if packs.is_dir() and sum(1 for _ in packs.glob("*.pack")) > _MOST_PACKS:
            self.drop()
        if not (self.folder / "HEAD").is_file():
            self.drop()
            git.run("init", "--quiet", "--bare", "--template=", str(self.folder))

    def _shallow(self, git: GitCommand, url: str, ref: str) -> None:
        try:
            self._fetch(git, "--depth=1", url, f"+{ref}:{_WANT}")
        except GitTimedOut:
            raise
        except GitFailed as error:
            if "shallow" not in error.output:
                raise
            self._fetch(git, url, f"+{ref}:{_WANT}")  # a plain file server knows no depth

    def _pinned(self, git: GitCommand, url: str, ref: str, commit: str) -> None:
        if not ref:
            try:
                self._fetch(git, "--depth=1", url, f"+{commit}:{_WANT}")
            except GitTimedOut:
                raise
            except GitFailed:  # a server that gives out refs only
                self._full(git, url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            return
        self._full(git, url, f"+{ref}:{_WANT}")
        try:
            self._run(git, "merge-base", "--is-ancestor", commit, _WANT)
        except GitTimedOut:
            raise
        except GitFailed:
            name = ref.removeprefix("refs/heads/")
            raise GitFailed(f"fatal: commit {commit} is not on branch {name}") from None

    def _full(self, git: GitCommand, url: str, *refspecs: str) -> None:
        shallow = (self.folder / "shallow").exists()
        self._fetch(git, *(["--unshallow"] if shallow else []), url, *refspecs)

    def _fetch(self, git: GitCommand, *arguments: str) -> None:
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
        self._run(git, "fetch", *options, "--no-recurse-submodules", *arguments)

    def _object(self, git: GitCommand, kind: str, name: str) -> bytes:
        return git.read(f"--git-dir={self.folder}", "cat-file", kind, name)

    def _run(self, git: GitCommand, *arguments: str) -> str:
        return git.run(f"--git-dir={self.folder}", *arguments)
