"""YAML text to plain values, with the line of every field. Never raises: what is wrong is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from desired_state.yaml_depth import MAX_DEPTH, too_deep
from desired_state.yaml_errors import Fault, fault_of
from desired_state.yaml_scalars import MERGE, TAG, Composer, scalar_value

MAX_NODES: Final = 200_000
"""Nodes of one document, those behind an alias counted each time: more is an alias bomb."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file.

    Attributes:
        value: what json.loads would give.
        line: 1-based line of its first node.
        lines: line of each field by dotted path.
        node: the YAML node, to look up how a value was spelled.
        faults: what is wrong in it; then `value` holds only the rest.
    """

    value: Any
    line: int
    lines: dict[str, int]
    node: yaml.Node
    faults: tuple[Fault, ...] = ()

    def spelling(self, path: Sequence[str | int]) -> str | None:
        """How a scalar was written in the file, e.g. `yes` for a value that is true."""
        node: yaml.Node | None = self.node
        for part in path:
            node = _child(node, part)
        return node.value if isinstance(node, yaml.ScalarNode) else None


def read_documents(text: str) -> tuple[list[Document], Fault | None]:
    """All documents of a text, up to the point where it is no YAML any more."""
    documents: list[Document] = []
    if deep := too_deep(text):
        return documents, deep
    try:
        composer = Composer(text)
        while composer.check_node():
            documents.append(_document(composer.get_node()))
    except yaml.YAMLError as error:
        return documents, fault_of(error, text)
    return documents, None


def _document(node: yaml.Node) -> Document:
    builder = _Builder()
    try:
        value = builder.build(node, "")
    except _TooMuchError as error:
        builder.faults.append(error.fault)
        value = None
    line = node.start_mark.line + 1
    return Document(value, line, builder.lines, node, tuple(builder.faults))


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return node.value[part] if part < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None


class _TooMuchError(Exception):
    """The document is not worth reading on: it is too deep, too large or contains itself."""

    def __init__(self, node: yaml.Node, path: str, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(node.start_mark.line + 1, path, message)


class _Builder:
    """Builds the value of one document and notes lines and faults on the way."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.faults: list[Fault] = []
        self._nodes = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: str) -> Any:
        """The value of a node.

        Raises:
            _TooMuchError: the document must be given up.
        """
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _TooMuchError(node, path, f"has more than {MAX_NODES:,} values, aliases included")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            words = f"contains itself through the alias of line {_line(node)}"
            raise _TooMuchError(node, path, words)
        if len(self._open) >= MAX_DEPTH:
            raise _TooMuchError(node, path, f"is nested more than {MAX_DEPTH} levels deep")
        self._open.add(id(node))
        try:
            return self._collection(node, path)
        finally:
            self._open.discard(id(node))

    def _collection(self, node: yaml.Node, path: str) -> Any:
        if node.tag not in (f"{TAG}map", f"{TAG}seq"):
            self.faults.append(Fault(_line(node), path, f"the tag {node.tag} is not supported"))
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, _join(path, str(i))) for i, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _item(self, node: yaml.Node, path: str) -> Any:
        self.lines[path] = _line(node)
        return self.build(node, path)

    def _mapping(self, node: yaml.Node, path: str) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                for base in self._bases(value_node, path):
                    merged = {**self.build(base, path), **merged}
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            field = _join(path, key)
            if key in first:
                words = f"is given twice: line {first[key]} has it already"
                self.faults.append(Fault(_line(key_node), field, words))
                continue
            first[key] = self.lines[field] = _line(key_node)
            own[key] = self.build(value_node, field)
        self.lines.update({_join(path, key): line for key, line in first.items()})
        return {**merged, **own}

    def _bases(self, node: yaml.Node, path: str) -> Iterator[yaml.MappingNode]:
        candidates = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for base in candidates:
            if isinstance(base, yaml.MappingNode):
                yield base
            else:
                words = "'<<' merges mappings only: give it an alias of a mapping"
                self.faults.append(Fault(_line(node), path, words))

    def _key(self, node: yaml.Node, path: str) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == f"{TAG}str":
            return str(node.value)
        words = "a key must be text, but here is a list or a mapping: quote what starts with '{{'"
        if isinstance(node, yaml.ScalarNode):
            words = f'the key {node.value} is no text in YAML: write "{node.value}" in quotes'
        self.faults.append(Fault(_line(node), path, words))
        return None

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        try:
            return scalar_value(node)
        except ValueError as error:
            self.faults.append(Fault(_line(node), path, str(error)))
            return None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _join(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part
