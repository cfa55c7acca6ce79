"""A real git repository for tests: a bare one, and a working tree that pushes to it."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Repository:
    """A bare repository and a clone of it.

    Args:
        folder: where both are made.
    """

    def __init__(self, folder: Path) -> None:
        self.bare = folder / "state.git"
        self.tree = folder / "tree"
        self._run("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), cwd=folder)
        self._run("clone", "--quiet", str(self.bare), str(self.tree), cwd=folder)
        self._run("switch", "--quiet", "--orphan", "main")
        self._run("config", "user.name", "Ada")
        self._run("config", "user.email", "ada@example.org")

    @property
    def url(self) -> str:
        """URL of the bare repository."""
        return f"file://{self.bare}"

    def commit(self, **files: str | None) -> str:
        """Writes (or, with None, removes) files, named without `.yaml`, and pushes.

        Returns:
            The new commit's hash.
        """
        for name, content in files.items():
            path = self.tree / f"{name}.yaml"
            if content is None:
                path.unlink()
            else:
                path.write_text(content, encoding="utf-8")
        self._run("add", "--all")
        self._run("commit", "--quiet", "--allow-empty", "--message", "change")
        self._run("push", "--quiet", "--force", "origin", "main")
        return self.head()

    def head(self) -> str:
        """Hash of the newest commit."""
        return self._run("rev-parse", "HEAD").strip()

    def rewrite(self, **files: str | None) -> str:
        """Replaces the newest commit and forces the push."""
        self._run("reset", "--quiet", "--soft", "HEAD~1")
        return self.commit(**files)

    def _run(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.tree,
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.stdout
