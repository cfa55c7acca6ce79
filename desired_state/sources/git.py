"""A git repository as a source, read by the git command line."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from desired_state.sources.artifact import Artifact, FetchFailed
from desired_state.sources.artifact_store import ArtifactStore
from desired_state.sources.config import SourceConfig
from desired_state.sources.digest import Digester
from desired_state.sources.git_access import access
from desired_state.sources.git_cache import Commit, GitCache
from desired_state.sources.git_command import GitCommand, GitFailed, GitTimedOut, without_user
from desired_state.sources.git_errors import explain_failure
from desired_state.suggest import did_you_mean

_SHA1_LENGTH: Final = 40


class GitSource:
    """Follows a branch or a tag, or stays at a commit.

    Asks the remote with one `git ls-remote`; only where something is new it fetches. Everything lies
    below `state`, which may be deleted while no fetch is under way.
    """

    def __init__(self, config: SourceConfig, state: Path) -> None:
        self._config = config
        self._state = state
        self._name = without_user(config.url)
        identity = f"{config.url} {config.ref} {config.commit or ''} {config.path}"
        self._store = ArtifactStore(state, identity)
        self._cache = GitCache(state / "cache.git")
        self._lock = threading.Lock()
        self._last = self._store.last()

    @property
    def last(self) -> Artifact | None:
        """The last good artifact; it survives a restart, also while the repository is away."""
        return self._last

    def fetch(self) -> Artifact:
        """Looks at the repository now.

        Raises:
            FetchFailed: it can't be read; `last` stays as it was.
        """
        timeout = self._config.timeout.total_seconds()
        try:
            self._state.mkdir(parents=True, exist_ok=True)
            with self._alone(timeout), access(self._config, self._state) as granted:
                git = GitCommand(
                    self._state, timeout=timeout, env=granted.env, secrets=granted.secrets
                )
                self._last = self._look(git)
                return self._last
        except GitTimedOut:
            raise FetchFailed(f"{self._name}: no answer within {timeout:g}s") from None
        except GitFailed as error:
            raise FetchFailed(f"{self._name}: {explain_failure(error.output)}") from None
        except OSError as error:
            raise FetchFailed(f"{self._name}: {error.strerror or error}: {self._state}") from None

    def _look(self, git: GitCommand) -> Artifact:
        remote = self._remote(git)
        wanted = self._config.commit or remote
        last = self._last
        if last and last.revision.endswith(f"sha1:{wanted}") and last.path.is_dir():
            return last
        try:
            return self._take(git)
        except GitTimedOut:
            raise
        except (GitFailed, ValueError):
            # The remote answers, so the cache may be broken: once more, from nothing.
            self._cache.drop()
            return self._take(git)

    def _remote(self, git: GitCommand) -> str:
        """The commit that the ref points to at the remote; empty for a commit alone."""
        ref = self._config.ref
        patterns = [ref, f"{ref}^{{}}"] if ref else ["HEAD"]
        lines = git.run("ls-remote", "--quiet", "--", self._config.url, *patterns).splitlines()
        found = {name: sha for sha, _, name in (line.partition("\t") for line in lines)}
        if not ref:
            return ""
        sha = found.get(f"{ref}^{{}}") or found.get(ref)
        if sha is None:
            raise FetchFailed(f"{self._name}: {self._missing(git)}")
        if len(sha) != _SHA1_LENGTH:
            raise FetchFailed(f"{self._name}: repositories with SHA-256 names are not supported")
        return sha

    def _missing(self, git: GitCommand) -> str:
        """Why the ref is not there."""
        _, group, name = self._config.ref.split("/", 2)
        listing = git.run("ls-remote", "--quiet", f"--{group}", "--", self._config.url)
        known = [line.partition(f"refs/{group}/")[2] for line in listing.splitlines()]
        if group == "tags":
            return f"there is no tag {name}{did_you_mean(name, known)}"
        if not known:
            return f"no commits on branch {name} yet: the repository is empty"
        return f"there is no branch {name}{did_you_mean(name, known)}"

    def _take(self, git: GitCommand) -> Artifact:
        """Fetches the commit and makes its artifact."""
        config = self._config
        commit = self._cache.fetch(git, config.url, config.ref, config.commit)
        root = self._store.make(
            commit.sha, lambda folder: self._cache.check_out(git, commit, folder)
        )
        path = (root / config.path).resolve()
        if not path.is_dir() or not path.is_relative_to(root.resolve()):
            raise FetchFailed(f"{self._name}: commit {commit.sha[:7]} has no folder {config.path}")
        artifact = self._artifact(commit, root)
        self._store.remember(artifact)
        return artifact

    def _artifact(self, commit: Commit, root: Path) -> Artifact:
        name = self._config.ref.split("/", 2)[-1]
        return Artifact(
            revision=f"{name}@sha1:{commit.sha}" if name else f"sha1:{commit.sha}",
            root=root,
            path=root / self._config.path,
            digest=f"sha256:{Digester().digest(root)}",
            message=commit.message,
            author=commit.author,
            committed_at=commit.committed_at,
            notes=tuple(_notes(root)),
        )

    @contextmanager
    def _alone(self, timeout: float) -> Iterator[None]:
        """One fetch at a time, also among processes that share the folder."""
        deadline = time.monotonic() + timeout
        if not self._lock.acquire(timeout=timeout):
            raise FetchFailed(f"{self._name}: another fetch is still under way")
        try:
            with (self._state / "lock").open("w") as lock:
                while not _locked(lock.fileno()):
                    if time.monotonic() > deadline:
                        raise FetchFailed(f"{self._name}: another process is still fetching")
                    time.sleep(0.02)
                yield
        finally:
            self._lock.release()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _notes(root: Path) -> Iterator[str]:
    """What is in the repository but does not come with a plain checkout."""
    if (root / ".gitmodules").is_file():
        yield "submodules are not fetched: their folders are empty"
    attributes = root / ".gitattributes"
    if attributes.is_file() and b"filter=lfs" in attributes.read_bytes():
        yield "files in Git LFS are not fetched: pointers stand in their place"
