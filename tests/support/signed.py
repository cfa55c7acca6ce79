"""A repository, a folder of trusted keys, and a git source that verifies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from desired_state.sources import GitSource, NotVerified, Policy, VerifyMode
from support.repositories import Repository


class SignedSetting:
    """A repository and who is trusted in it.

    Args:
        folder: where everything is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = Repository(folder / "repo")
        self.keys = folder / "keys"
        self.keys.mkdir()
        self.state = folder / "state"

    def trust(self, **files: str) -> None:
        """Writes key files; `__` in a name stands for a dot."""
        for name, text in files.items():
            (self.keys / name.replace("__", ".")).write_text(text)

    def policy(self, mode: VerifyMode = VerifyMode.HEAD) -> Policy:
        """What must be signed, by who is trusted."""
        return Policy(mode, self.keys)

    def source(self, **config: object) -> GitSource:
        """A source as after a restart."""
        return self.repo.source(self.state, **config)

    def refusal(
        self, source: GitSource | None = None, mode: VerifyMode = VerifyMode.HEAD
    ) -> tuple[str, str]:
        """Reason and message of a fetch that must be refused."""
        with pytest.raises(NotVerified) as caught:
            (source or self.source()).fetch(self.policy(mode))
        return str(caught.value.reason), caught.value.message


def only_git(folder: Path) -> Path:
    """A folder of programs in which there is only git."""
    programs = folder / "programs"
    programs.mkdir()
    git = shutil.which("git")
    assert git is not None
    (programs / "git").symlink_to(git)
    return programs
