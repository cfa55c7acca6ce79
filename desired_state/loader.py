"""Reads a whole tree of YAML into a snapshot: all its objects and all its problems.

Never raises and never stops at the first mistake. What is broken now stays as it was in the previous
snapshot, so an object goes only when it was really, readably removed.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

from desired_state.declaration import Declaration, declare, is_ours
from desired_state.dependencies import dependency_problems
from desired_state.objects import GROUP, DeclaredObject, ObjectRef
from desired_state.problems import Problem
from desired_state.scheme import Scheme
from desired_state.snapshot import Snapshot
from desired_state.tree_files import TreeFile, UnreadableError, walk
from desired_state.yaml_documents import Document, read_documents

SUFFIXES: Final = (".yaml", ".yml")
ROOT: Final = "."


def load_tree(
    root: Path, scheme: Scheme, *, revision: str = "", previous: Snapshot | None = None
) -> Snapshot:
    """Reads all `*.yaml` and `*.yml` below a folder.

    Args:
        root: the folder; nothing outside is read.
        scheme: the kinds that exist.
        revision: of the folder, e.g. `main@sha1:<40 hex>`.
        previous: the snapshot before this one, to keep what is broken now as it was.

    Returns:
        The snapshot. It tells in `problems` what is wrong.
    """
    tree = _Tree(scheme, revision, previous or Snapshot())
    try:
        for file in walk(root):
            if file.failure or file.path.endswith(SUFFIXES):
                tree.read(file)
    except UnreadableError as error:
        tree.unreadable(ROOT, 0, str(error))
    return tree.snapshot()


class _Tree:
    """Gathers what the files of a tree say."""

    def __init__(self, scheme: Scheme, revision: str, previous: Snapshot) -> None:
        self._scheme = scheme
        self._revision = revision
        self._previous = previous
        self._earlier_files = {obj.origin.path for obj in previous.objects.values()}
        self._declarations: list[Declaration] = []
        self._problems: list[Problem] = []
        self._unreadable: dict[str, None] = {}
        self._files_read = 0

    def unreadable(self, path: str, line: int, message: str) -> None:
        """Notes a file of which nobody knows what it declares."""
        self._unreadable[path] = None
        self._problems.append(Problem(path, line, None, "", message))

    def read(self, file: TreeFile) -> None:
        """Reads one file, if it is ours."""
        self._files_read += 1
        try:
            data = file.read()
        except UnreadableError as error:
            self.unreadable(file.path, 0, str(error))
            return
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if self._mentions_us(file.path, data):
                line = data[: error.start].count(b"\n") + 1
                self.unreadable(file.path, line, "is not UTF-8 text: save it as UTF-8")
            return
        self._read_text(file.path, text, data)

    def _read_text(self, path: str, text: str, data: bytes) -> None:
        documents, fault = read_documents(text)
        if fault is not None:
            if self._mentions_us(path, data):
                self.unreadable(path, fault.line, fault.message)
            return
        filled = [each for each in documents if each.value is not None or each.faults]
        given_up = any(each.value is None for each in filled)
        if self._is_our_file(path, filled) or (given_up and self._mentions_us(path, data)):
            found = [declare(each, self._scheme, path, self._revision) for each in filled]
            self._declarations.extend(found)
            if any(each.ref is None for each in found):
                self._unreadable[path] = None

    def _mentions_us(self, path: str, data: bytes) -> bool:
        return path in self._earlier_files or GROUP.encode() in data.replace(b"\0", b"")

    def _is_our_file(self, path: str, documents: list[Document]) -> bool:
        """Ours if any document is; or if it was, and now holds what nobody else claims."""
        if any(is_ours(each, self._scheme) for each in documents):
            return True
        return path in self._earlier_files and any(map(_is_unclaimed, documents))

    def snapshot(self) -> Snapshot:
        """The sum of all files."""
        good, broken = self._sorted_out()
        declared = None if self._unreadable else {*good, *broken}
        for problem in dependency_problems(good, self._scheme, declared):
            self._problems.append(problem)
            if problem.ref is not None:
                broken.add(problem.ref)
        objects = {ref: obj for ref, obj in good.items() if ref not in broken}
        for ref, obj in self._previous.objects.items():
            if ref not in objects and (ref in broken or self._is_unknown(obj.origin.path)):
                objects[ref] = dataclasses.replace(obj, stale=True)
        return Snapshot(
            revision=self._revision,
            objects=objects,
            problems=tuple(sorted(self._problems, key=lambda p: (p.path, p.line, p.field))),
            files_read=self._files_read,
            unreadable=tuple(self._unreadable),
            broken=frozenset(broken),
        )

    def _sorted_out(self) -> tuple[dict[ObjectRef, DeclaredObject], set[ObjectRef]]:
        """The valid objects, and those that are declared in a wrong way or twice."""
        first: dict[ObjectRef, Declaration] = {}
        good: dict[ObjectRef, DeclaredObject] = {}
        broken: set[ObjectRef] = set()
        for found in self._declarations:
            self._problems.extend(found.problems)
            if found.ref is None:
                continue
            if found.ref in first:
                self._problems.append(_twice(found, found.ref, first[found.ref]))
                broken.add(found.ref)
            first.setdefault(found.ref, found)
            if found.obj is None:
                broken.add(found.ref)
            else:
                good[found.ref] = found.obj
        return {ref: obj for ref, obj in good.items() if ref not in broken}, broken

    def _is_unknown(self, path: str) -> bool:
        """True if nobody knows what the file declares now."""
        return any(
            unread in (path, ROOT) or path.startswith(f"{unread}/") for unread in self._unreadable
        )


def _is_unclaimed(document: Document) -> bool:
    """True for a document that no other tool would claim: no mapping, or a kind of no group."""
    value = document.value
    return not isinstance(value, dict) or ("kind" in value and "apiVersion" not in value)


def _twice(again: Declaration, ref: ObjectRef, first: Declaration) -> Problem:
    origin, earlier = again.origin, first.origin
    words = f"is declared twice: {earlier.path}:{earlier.line} has it already"
    return Problem(origin.path, origin.line, ref, "metadata.name", words)
