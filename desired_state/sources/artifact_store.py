"""Where checkouts lie: each in its own folder, made at once, the last few kept."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from desired_state.sources.artifact import Artifact
from desired_state.sources.digest import Digester
from desired_state.sources.evidence import Evidence

KEPT: Final = 3


class ArtifactStore:
    """The artifacts of one source, and a note on which is the last; survives a restart."""

    def __init__(self, state: Path, identity: str) -> None:
        self._folder = state / "artifacts"
        self._note = state / "last.json"
        self._identity = identity

    @property
    def scratch(self) -> Path:
        """Where others may write for a moment: what begins with a dot is cleared away later."""
        return self._folder

    def make(self, name: str, fill: Callable[[Path], None]) -> Path:
        """The folder of this name; filled first, if it is not there yet.

        Args:
            name: commit hash.
            fill: writes the files into an empty folder.
        """
        final = self._folder / name
        if not final.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".new-", dir=self._folder) as folder:
                tree = Path(folder) / "tree"
                tree.mkdir()
                fill(tree)
                tree.rename(final)
        return final

    def remember(self, artifact: Artifact, evidence: Evidence) -> None:
        """Notes the artifact as the last one, and removes those that are too old.

        Args:
            artifact: the new one.
            evidence: what can be verified of it later.
        """
        os.utime(artifact.root)
        note = dataclasses.asdict(artifact) | {
            "identity": self._identity,
            "root": artifact.root.name,
            "path": artifact.path.relative_to(artifact.root).as_posix(),
            "evidence": evidence.note(),
        }
        del note["signed"]  # who can write here is no authority on signatures
        fresh = self._note.with_suffix(".new")
        fresh.write_text(json.dumps(note), "utf-8")
        fresh.replace(self._note)
        self._tidy()

    def last(self) -> Artifact | None:
        """The artifact that was noted, if its files are still as they were."""
        try:
            note: dict[str, Any] = json.loads(self._note.read_text("utf-8"))
            if note.pop("identity") != self._identity:
                return None
            root = self._folder / str(note.pop("root"))
            path = root / str(note.pop("path"))
            note.pop("evidence", None)
            artifact = Artifact(root=root, path=path, **{**note, "notes": tuple(note["notes"])})
            intact = f"sha256:{Digester().digest(root)}" == artifact.digest
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        if not intact:
            shutil.rmtree(root, ignore_errors=True)
        return artifact if intact else None

    def evidence(self, artifact: Artifact) -> Evidence | None:
        """The signed objects of the artifact that was noted; None if they are not its own."""
        try:
            evidence = Evidence.read(json.loads(self._note.read_text("utf-8"))["evidence"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return evidence if artifact.revision.endswith(f"sha1:{evidence.commit.name}") else None

    def _tidy(self) -> None:
        """Keeps the newest checkouts; removes the rest and what a killed process left behind."""
        entries = sorted(self._folder.iterdir(), key=lambda each: each.stat().st_mtime_ns)
        done = [each for each in entries if not each.name.startswith(".")]
        litter = [each for each in entries if each.name.startswith(".")]
        for old in (*litter, *done[:-KEPT]):
            with contextlib.suppress(OSError):
                shutil.rmtree(old)
