"""One YAML document to one declared object, or to all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from desired_state.declared import DeclaredModel
from desired_state.objects import (
    API_VERSION,
    GROUP,
    DeclaredObject,
    Metadata,
    ObjectRef,
    Origin,
)
from desired_state.problems import Problem
from desired_state.scheme import Kind, Scheme
from desired_state.suggest import closest, did_you_mean
from desired_state.validation import Path, validate
from desired_state.yaml_documents import Document

ModelT = TypeVar("ModelT", bound=DeclaredModel)

_TOP: Final = ("apiVersion", "kind", "metadata", "spec")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What one document says.

    Attributes:
        ref: the object that it certainly means; None where kind or name can't be trusted.
        origin: where it stands.
        obj: the object; None if anything is wrong.
        problems: everything that is wrong.
    """

    ref: ObjectRef | None
    origin: Origin
    obj: DeclaredObject | None
    problems: tuple[Problem, ...]


def is_ours(document: Document, scheme: Scheme) -> bool:
    """True for a document of our group, and for one that was evidently meant to be."""
    value = document.value
    if not isinstance(value, Mapping):
        return False
    group = str(value.get("apiVersion") or "").partition("/")[0]
    if group == GROUP:
        return True
    known = value.get("kind") in scheme.names()
    return known and (not group or closest(group, (GROUP,)) is not None)


def declare(document: Document, scheme: Scheme, path: str, revision: str) -> Declaration:
    """Reads one document that is ours."""
    return _Reader(document, scheme, Origin(path, document.line, revision)).read()


class _Reader:
    """Collects all problems of one document on the way to its object."""

    def __init__(self, document: Document, scheme: Scheme, origin: Origin) -> None:
        self._document = document
        self._scheme = scheme
        self._origin = origin
        self._found: list[tuple[int, str, str]] = []

    def read(self) -> Declaration:
        for fault in self._document.faults:
            self._found.append((fault.line, fault.field, fault.message))
        value = self._document.value
        if not isinstance(value, Mapping):
            if not self._found:
                self._add((), "must be a mapping with apiVersion, kind, metadata and spec")
            return self._result(None, None)
        self._envelope(value)
        kind = self._kind(value)
        metadata = self._model(Metadata, ("metadata",), value.get("metadata"))
        spec = value.get("spec", {})
        model = self._model(kind.spec, ("spec",), spec) if kind else None
        ref = _ref(kind, value.get("metadata"), metadata)
        if self._found or ref is None or metadata is None or model is None:
            return self._result(ref, None)
        lines = self._document.lines
        return self._result(ref, DeclaredObject(ref, metadata, spec, model, self._origin, lines))

    def _result(self, ref: ObjectRef | None, obj: DeclaredObject | None) -> Declaration:
        named = ref or _named(self._document.value)
        problems = tuple(
            Problem(self._origin.path, line, named, field, message)
            for line, field, message in sorted(self._found)
        )
        return Declaration(ref, self._origin, obj, problems)

    def _envelope(self, value: Mapping[str, Any]) -> None:
        version = value.get("apiVersion")
        if version is None:
            self._add(("apiVersion",), f"is required: {API_VERSION}")
        elif version != API_VERSION:
            self._add(("apiVersion",), f"must be {API_VERSION}, got '{str(version)[:60]}'")
        for key in value.keys() - set(_TOP):
            if key == "status":
                self._add((key,), "is written by the operator and never declared: remove it")
            else:
                self._add((key,), f"unknown field{did_you_mean(key, _TOP)}")

    def _kind(self, value: Mapping[str, Any]) -> Kind | None:
        name = value.get("kind")
        if not isinstance(name, str) or not name:
            self._add(("kind",), "is required" if name is None else "must be the name of a kind")
            return None
        kind = self._scheme.get(name)
        if kind is None:
            hint = did_you_mean(name, self._scheme.names())
            self._add(("kind",), f"unknown kind '{name[:60]}'{hint}")
        elif not kind.from_git:
            self._add(
                ("kind",), f"{name} cannot be declared in a source: create it through the API"
            )
        return kind

    def _model(self, model: type[ModelT], at: Path, value: Any) -> ModelT | None:
        if value is None and model is Metadata:
            self._add((*at, "name"), "is required")
            return None
        parsed, violations = validate(
            model, value, lambda path: self._document.spelling((*at, *path))
        )
        told = {field for _, field, _ in self._found}
        for violation in violations:
            if ".".join(map(str, (*at, *violation.path))) not in told:
                self._add((*at, *violation.path), violation.message)
        return parsed

    def _add(self, path: Path, message: str) -> None:
        field = ".".join(map(str, path))
        self._found.append((self._line(field), field, message))

    def _line(self, field: str) -> int:
        """Line of a field, or of its nearest parent that is there."""
        while field:
            if field in self._document.lines:
                return self._document.lines[field]
            field = field.rpartition(".")[0]
        return self._document.line


def _ref(kind: Kind | None, declared: Any, metadata: Metadata | None) -> ObjectRef | None:
    """Which object is certainly meant: kind, name and namespace are valid, whatever else is wrong."""
    if kind is None or not isinstance(declared, Mapping):
        return None
    if metadata is None:
        named = {key: declared[key] for key in ("name", "namespace") if key in declared}
        metadata, _ = validate(Metadata, named)
    return ObjectRef(kind.name, metadata.name, metadata.namespace) if metadata else None


def _named(value: Any) -> ObjectRef | None:
    """The object as it calls itself, for messages."""
    if not isinstance(value, Mapping) or not isinstance(value.get("metadata"), Mapping):
        return None
    kind, metadata = value.get("kind"), value["metadata"]
    name, namespace = metadata.get("name"), metadata.get("namespace", "default")
    if all(isinstance(part, str) and part for part in (kind, name, namespace)):
        return ObjectRef(str(kind)[:63], name[:63], namespace[:63])
    return None
