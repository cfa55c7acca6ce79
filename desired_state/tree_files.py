"""The files of a tree, in a fixed order, without leaving it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

IGNORE_FILE: Final = ".swarmkeeperignore"
MAX_BYTES: Final = 8 * 2**20
"""Largest file that is read: a larger one is no declaration."""


class UnreadableError(Exception):
    """A file or folder can't be read; the message says why and names no path outside the tree."""


@dataclass(frozen=True)
class TreeFile:
    """One file of a tree.

    Attributes:
        path: relative to the root, with `/`.
        root: the root, without symbolic links in it.
        failure: why it could not even be looked at; empty where it could.
    """

    path: str
    root: Path
    failure: str = ""

    def read(self) -> bytes:
        """The bytes of the file.

        Raises:
            UnreadableError: there is no permission, it leaves the tree, it is too large, ...
        """
        if self.failure:
            raise UnreadableError(self.failure)
        place = self.root / self.path
        try:
            if not place.resolve().is_relative_to(self.root):
                raise UnreadableError("is a symbolic link that leaves the tree: refused")
            if not place.is_file():
                raise UnreadableError("is a symbolic link to nothing, or no regular file")
            with place.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except (OSError, RuntimeError) as error:
            raise UnreadableError(_reason(error)) from None
        if len(data) > MAX_BYTES:
            raise UnreadableError(f"is larger than {MAX_BYTES // 2**20} MiB: refused")
        return data


def walk(root: Path) -> Iterator[TreeFile]:
    """All files below a root, sorted; hidden ones and those that are ignored are left out.

    Raises:
        UnreadableError: the root itself is not there or can't be read.
    """
    try:
        base = root.resolve(strict=True)
        next(base.iterdir(), None)
    except (OSError, RuntimeError) as error:
        raise UnreadableError(f"{root}: {_reason(error)}") from None
    yield from _walk(base, "", Ignored.of(base))


def _walk(root: Path, folder: str, ignored: Ignored) -> Iterator[TreeFile]:
    try:
        entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
    except OSError as error:
        yield TreeFile(folder, root, failure=_reason(error))
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name.startswith(".") or ignored.matches(path, is_folder=is_folder):
            continue
        if is_folder:
            yield from _walk(root, path, ignored)
        elif entry.is_symlink():
            yield from _link(root, path)
        elif entry.is_file(follow_symlinks=False):
            yield TreeFile(path, root)


def _link(root: Path, path: str) -> Iterator[TreeFile]:
    """A link to a file that the walk meets anyway is passed over, a hidden target is not."""
    try:
        target = (root / path).resolve()
    except (OSError, RuntimeError) as error:
        yield TreeFile(path, root, failure=_reason(error))
        return
    inside = target.is_relative_to(root)
    if inside and target.is_dir():
        return
    hidden = inside and any(part.startswith(".") for part in target.relative_to(root).parts)
    if not inside or hidden or not target.exists():
        yield TreeFile(path, root)


def _reason(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) and error.strerror else "cannot be read"
    return f"cannot be read: {words.lower()}" if words != "cannot be read" else words


class Ignored:
    """The patterns of `.swarmkeeperignore`: one a line, as in .gitignore; `!` takes back."""

    def __init__(self, lines: Iterator[str] | tuple[str, ...] = ()) -> None:
        self._rules = [rule for line in lines if (rule := _rule(line)) is not None]

    @classmethod
    def of(cls, root: Path) -> Ignored:
        """The patterns of a tree; none where the file is missing or unreadable."""
        try:
            text = (root / IGNORE_FILE).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return cls()
        return cls(iter(text.splitlines()))

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """True if a path is left out; the last rule that matches decides."""
        verdict = False
        for regexp, folders_only, take_back in self._rules:
            if (is_folder or not folders_only) and regexp.fullmatch(path):
                verdict = not take_back
        return verdict


def _rule(line: str) -> tuple[re.Pattern[str], bool, bool] | None:
    text = line.rstrip()
    if not text or text.startswith("#"):
        return None
    take_back = text.startswith("!")
    text = text.removeprefix("!")
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    body = "".join(
        _GLOBS.get(token, re.escape(token)) for token in _TOKENS.findall(text.lstrip("/"))
    )
    return re.compile(body if anchored else f"(?:.*/)?{body}"), folders_only, take_back


_TOKENS: Final = re.compile(r"\*\*/|/\*\*|\*|\?|.", re.DOTALL)
_GLOBS: Final = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
