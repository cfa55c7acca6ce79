"""The contract of a source: `fetch` gives an artifact or fails, and the last one stays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from desired_state.sources.verification import Policy


class FetchFailed(Exception):  # noqa: N818 - named like the condition
    """The source could not be read now; the message says why and holds no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Artifact:
    """The files of a source at one revision.

    Attributes:
        revision: `main@sha1:<40 hex>` for git, `folder@sha256:<hex>` for a folder.
        root: the whole checkout; never changed after it was made.
        path: the folder to load: `root`, or the source's `path` in it.
        digest: `sha256:<hex>` of names and contents below `root`: equal contents, equal digest.
        message: message of the commit; empty for a folder.
        author: `Name <mail>` of the commit; empty for a folder.
        committed_at: RFC 3339 time of the commit; empty for a folder.
        notes: what people should know, e.g. that submodules are not fetched.
        signed: what is signed and by whom, as it was verified just now; empty where nobody asked.
    """

    revision: str
    root: Path
    path: Path
    digest: str
    message: str = ""
    author: str = ""
    committed_at: str = ""
    notes: tuple[str, ...] = ()
    signed: str = ""


class Source(Protocol):
    """Something that desired state comes from. Thread-safe."""

    @property
    def last(self) -> Artifact | None:
        """The last good artifact, also when the source can't be read now."""
        ...

    def fetch(self, policy: Policy | None = None) -> Artifact:
        """Looks at the source now; quick where nothing has changed.

        Args:
            policy: what must be signed, and by whom; None asks for no signatures.

        Raises:
            FetchFailed: it can't be read; `last` stays as it was.
            NotVerified: it is not signed as it must be; `last` stays as it was.
        """
        ...

    def confirm(self, policy: Policy | None) -> Artifact | None:
        """The last good artifact, if it is good under this policy too; needs no network.

        Raises:
            NotVerified: it is not.
        """
        ...
