"""A git repository as a source, read by the git command line."""

from __future__ import annotations

import dataclasses
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
from desired_state.sources.evidence import Evidence
from desired_state.sources.git_access import access
from desired_state.sources.git_cache import Commit, GitCache
from desired_state.sources.git_command import GitCommand, GitFailed, GitTimedOut, without_user
from desired_state.sources.git_errors import explain_failure
from desired_state.sources.signature_check import verify
from desired_state.sources.verification import NotVerified, Policy
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

    def confirm(self, policy: Policy | None) -> Artifact | None:
        """The last good artifact, if it is signed as the policy asks.

        Raises:
            NotVerified: it is not.
        """
        last = self._last
        if last is None or policy is None:
            return last
        evidence = self._store.evidence(last)
        return dataclasses.replace(last, signed=self._verify(evidence, policy))

    def fetch(self, policy: Policy | None = None) -> Artifact:
        """Looks at the repository now.

        Args:
            policy: what must be signed, and by whom; None asks for no signatures.

        Raises:
            FetchFailed: it can't be read; `last` stays as it was.
            NotVerified: it is not signed as it must be; `last` stays as it was.
        """
        timeout = self._config.timeout.total_seconds()
        try:
            self._state.mkdir(parents=True, exist_ok=True)
            with self._alone(timeout), access(self._config, self._state) as granted:
                git = GitCommand(
                    self._state, timeout=timeout, env=granted.env, secrets=granted.secrets
                )
                self._last = self._look(git, policy)
                return self._last
        except GitTimedOut:
            raise FetchFailed(f"{self._name}: no answer within {timeout:g}s") from None
        except GitFailed as error:
            raise FetchFailed(f"{self._name}: {explain_failure(error.output)}") from None
        except OSError as error:
            raise FetchFailed(f"{self._name}: {error.strerror or error}: {self._state}") from None

    def _look(self, git: GitCommand, policy: Policy | None) -> Artifact:
        remote = self._remote(git)
        wanted = self._config.commit or remote
        last = self._last
        if last and last.revision.endswith(f"sha1:{wanted}") and last.path.is_dir():
            try:
                return self.confirm(policy) or last
            except NotVerified:
                pass  # the tag may have been signed since: what is there now decides
        try:
            return self._take(git, policy)
        except GitTimedOut:
            raise
        except (GitFailed, ValueError):
            # The remote answers, so the cache may be broken: once more, from nothing.
            self._cache.drop()
            return self._take(git, policy)

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

    def _take(self, git: GitCommand, policy: Policy | None) -> Artifact:
        """Fetches the commit and makes its artifact, if it is signed as it must be."""
        config = self._config
        commit = self._cache.fetch(git, config.url, config.ref, config.commit)
        evidence = self._cache.evidence(git, commit, tagged=bool(config.tag))
        signed = self._verify(evidence, policy) if policy else ""
        root = self._store.make(
            commit.sha, lambda folder: self._cache.check_out(git, commit, folder)
        )
        path = (root / config.path).resolve()
        if not path.is_dir() or not path.is_relative_to(root.resolve()):
            raise FetchFailed(f"{self._name}: commit {commit.sha[:7]} has no folder {config.path}")
        artifact = self._artifact(commit, root)
        self._store.remember(artifact, evidence)
        return dataclasses.replace(artifact, signed=signed)

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

    def _verify(self, evidence: Evidence | None, policy: Policy) -> str:
        return verify(
            evidence,
            policy,
            tag=self._config.tag or "",
            scratch=self._store.scratch,
            timeout=self._config.timeout.total_seconds(),
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
