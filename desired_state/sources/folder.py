"""A plain folder as a source: for a mounted config, a working tree and `swarmkeeper plan`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from desired_state.sources.artifact import Artifact, FetchFailed
from desired_state.sources.digest import Digester
from desired_state.sources.git_command import GitCommand, GitFailed
from desired_state.sources.verification import NotVerified, Policy, Refusal


class FolderSource:
    """A folder that somebody else keeps; it is read where it lies, not copied."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digester = Digester()
        self._lock = threading.Lock()
        self._last: Artifact | None = None

    @property
    def last(self) -> Artifact | None:
        """The artifact of the last successful fetch of this process."""
        return self._last

    def confirm(self, policy: Policy | None) -> Artifact | None:
        """The artifact of the last fetch.

        Raises:
            NotVerified: signatures are asked for.
        """
        self._refuse(policy)
        return self._last

    def fetch(self, policy: Policy | None = None) -> Artifact:
        """Looks at the folder; only files that changed are read again.

        Args:
            policy: a folder is not signed: any policy refuses it.

        Raises:
            FetchFailed: the folder is not there, or something in it can't be read.
            NotVerified: signatures are asked for.
        """
        self._refuse(policy)
        with self._lock:
            if not self._folder.is_dir():
                raise FetchFailed(f"{self._folder} is no folder")
            try:
                digest = self._digester.digest(self._folder)
            except OSError as error:
                reason = (error.strerror or "failed").lower()
                raise FetchFailed(f"{error.filename or self._folder}: {reason}") from None
            root = self._folder.resolve()
            self._last = Artifact(f"folder@sha256:{digest}", root, root, f"sha256:{digest}")
            return self._last

    def _refuse(self, policy: Policy | None) -> None:
        if policy is not None:
            raise NotVerified(Refusal.UNSIGNED, f"{self._folder} is a plain folder: not signed")


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """A folder inside a git working tree.

    Attributes:
        revision: `branch@sha1:<40 hex>` of HEAD; `HEAD@sha1:...` where no branch is checked out.
        dirty: whether the folder holds changes that are not committed.
    """

    revision: str
    dirty: bool


def describe_working_tree(folder: Path) -> WorkingTree | None:
    """The commit that a folder shows; None outside a working tree or before the first commit."""
    git = GitCommand(folder, timeout=10)
    try:
        head = git.run("rev-parse", "HEAD", "--abbrev-ref", "HEAD").split()
        dirty = bool(git.run("status", "--porcelain", "--", ".").strip())
    except (GitFailed, FetchFailed, OSError):
        return None
    return WorkingTree(f"{head[1]}@sha1:{head[0]}", dirty)
