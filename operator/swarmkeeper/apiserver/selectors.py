"""Label and field selectors, as in `kubectl get -l tier=agents --field-selector metadata.name=a`.

Grammar: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from desired_state.objects import JsonObject
from swarmkeeper.apiserver.catalogue import AUDIT_RECORD, EVENT, EVENT_V1, ResourceType
from swarmkeeper.apiserver.problems import bad_request
from swarmkeeper.store.objects import Stored

_KEY: Final = r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?"
_SET: Final = re.compile(rf"^(?P<key>{_KEY})\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUALS: Final = re.compile(rf"^(?P<key>{_KEY})\s*(?P<op>==|=|!=)\s*(?P<value>[-A-Za-z0-9_.]*)$")
_EXISTS: Final = re.compile(rf"^(?P<not>!?)\s*(?P<key>{_KEY})$")
_FIELD: Final = re.compile(r"^(?P<key>[A-Za-z.]+)(?P<op>==|=|!=)(?P<value>.*)$")
_COMMAS: Final = re.compile(r",(?![^()]*\))")
_UNESCAPED_COMMAS: Final = re.compile(r"(?<!\\),")

_OBJECT_FIELDS: Final = (
    "kind",
    "namespace",
    "name",
    "uid",
    "apiVersion",
    "resourceVersion",
    "fieldPath",
)
_EVENT_FIELDS: Final = {
    **{f"involvedObject.{field}": ("involvedObject", field) for field in _OBJECT_FIELDS},
    **{f"regarding.{field}": ("involvedObject", field) for field in _OBJECT_FIELDS},
    "reason": ("reason",),
    "type": ("type",),
    "source": ("source", "component"),
    "reportingComponent": ("reportingComponent",),
    "reportingController": ("reportingComponent",),
}
_RECORD_FIELDS: Final = {
    field: (field,)
    for field in ("action", "entry", "object", "reconcileId", "runbook", "target", "uid")
}
_FIELDS_OF: Final[Mapping[ResourceType, Mapping[str, tuple[str, ...]]]] = {
    EVENT: _EVENT_FIELDS,
    EVENT_V1: _EVENT_FIELDS,
    AUDIT_RECORD: _RECORD_FIELDS,
}
_PATHS: Final = _EVENT_FIELDS | _RECORD_FIELDS


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term: the value at a key is, or is not, one of some values.

    Attributes:
        key: label, or dotted field.
        values: values that match; None for any value.
        negated: match everything else instead, also where there is no value.
    """

    key: str
    values: frozenset[str] | None
    negated: bool = False

    def matches(self, value: str | None) -> bool:
        """Whether a value (None: there is none) fulfils this term."""
        found = value is not None if self.values is None else value in self.values
        return found != self.negated


@dataclass(frozen=True, slots=True)
class Selector:
    """All terms must hold; without terms everything matches."""

    labels: tuple[Requirement, ...] = ()
    names: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to test."""
        return bool(self.labels or self.names or self.fields)

    def select(self, stored: Stored) -> bool:
        """Whether an object matches; decodes it only where a term needs more than its name."""
        key = stored.key
        where = {"metadata.name": key.name, "metadata.namespace": key.namespace}
        if not all(term.matches(where[term.key]) for term in self.names):
            return False
        if not self.labels and not self.fields:
            return True
        obj = stored.load()
        labels = obj["metadata"].get("labels") or {}
        return all(term.matches(labels.get(term.key)) for term in self.labels) and all(
            term.matches(_field(obj, term.key)) for term in self.fields
        )


def parse(type_: ResourceType, labels: str = "", fields: str = "") -> Selector:
    """Reads the selectors of a request.

    Args:
        type_: the resource, as fields differ.
        labels: e.g. `tier=agents,env in (a, b),!old`.
        fields: e.g. `metadata.name=a`.

    Raises:
        ApiError: 400, the text is no selector or names a field that can't be selected by.
    """
    terms = list(_field_terms(type_, fields))
    return Selector(
        labels=tuple(_label_terms(labels)),
        names=tuple(term for term in terms if term.key.startswith("metadata.")),
        fields=tuple(term for term in terms if not term.key.startswith("metadata.")),
    )


def equal_labels(labels: Mapping[str, str]) -> Selector:
    """Selects objects that have all these labels."""
    return Selector(tuple(Requirement(key, frozenset([value])) for key, value in labels.items()))


def _label_terms(text: str) -> Iterator[Requirement]:
    for part in _COMMAS.split(text) if text.strip() else ():
        term = part.strip()
        if match := _SET.match(term):
            values = frozenset(value.strip() for value in match["values"].split(","))
            yield Requirement(match["key"], values, match["op"] == "notin")
        elif match := _EQUALS.match(term):
            yield Requirement(match["key"], frozenset([match["value"]]), match["op"] == "!=")
        elif match := _EXISTS.match(term):
            yield Requirement(match["key"], None, match["not"] == "!")
        else:
            raise bad_request(f"unable to parse label selector: {term!r}")


def _field_terms(type_: ResourceType, text: str) -> Iterator[Requirement]:
    known = {"metadata.name", "metadata.namespace", *_FIELDS_OF.get(type_, ())}
    for part in _UNESCAPED_COMMAS.split(text) if text.strip() else ():
        match = _FIELD.match(part.strip())
        if match is None:
            raise bad_request(f"unable to parse field selector: {part!r}")
        if match["key"] not in known:
            raise bad_request(f"field label not supported: {match['key']}")
        value = re.sub(r"\\([\\,=])", r"\1", match["value"])
        yield Requirement(match["key"], frozenset([value]), match["op"] == "!=")


def _field(obj: JsonObject, key: str) -> str:
    value: object = obj
    for part in _PATHS[key]:
        value = value.get(part) if isinstance(value, dict) else None
    return str(value) if value is not None else ""
