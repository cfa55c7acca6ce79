"""Label and field selectors."""

from __future__ import annotations

import orjson
import pytest
from support.widgets import WIDGET

from desired_state.scheme import Scheme
from swarmkeeper.apiserver.catalogue import EVENT, Catalogue
from swarmkeeper.apiserver.selectors import Selector, parse
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.store.objects import Key, Stored

WIDGETS = next(t for t in Catalogue(Scheme([WIDGET])) if t.kind == "Widget")
LABELS = {"tier": "agents", "app.kubernetes.io/name": "x", "empty": ""}


def matches(selector: Selector, **obj: object) -> bool:
    value = {"metadata": {"labels": LABELS}, **obj}
    return selector.select(Stored(Key("Widget", "default", "a"), "", 1, orjson.dumps(value)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("tier=agents", True),
        ("tier == agents", True),
        ("tier=other", False),
        ("tier!=other", True),
        ("absent!=x", True),
        ("tier in (a, agents)", True),
        ("tier in (a,b),tier", False),
        ("tier notin (a,b)", True),
        ("absent notin (a)", True),
        ("tier", True),
        ("absent", False),
        ("!absent", True),
        ("!tier", False),
        ("empty=", True),
        ("app.kubernetes.io/name=x,tier=agents", True),
    ],
)
def test_labels(text: str, expected: bool) -> None:
    assert matches(parse(WIDGETS, text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metadata.name=a", True),
        ("metadata.name=a,metadata.namespace=other", False),
        ("metadata.name!=a", False),
        ("metadata.name==a", True),
    ],
)
def test_names(text: str, expected: bool) -> None:
    assert matches(parse(WIDGETS, fields=text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("involvedObject.name=w,involvedObject.kind=Widget", True),
        ("regarding.name=w", True),
        ("involvedObject.uid=x", False),
        ("involvedObject.uid=", True),
        ("type!=Normal", True),
        ("reason=Grown", True),
        ("source=tests", True),
        ("reason=a\\,b", False),
    ],
)
def test_fields_of_events(text: str, expected: bool) -> None:
    involved = {"kind": "Widget", "name": "w"}
    event = {"involvedObject": involved, "reason": "Grown", "source": {"component": "tests"}}

    assert matches(parse(EVENT, fields=text), **event) is expected


@pytest.mark.parametrize("text", ["a===b", "a in b", "=x", "a b", "a,,b", "!", "a=b c"])
def test_labels_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ApiError, match="label selector"):
        parse(WIDGETS, text)


@pytest.mark.parametrize("text", ["spec.size=1", "metadata.name", "involvedObject.name=a"])
def test_fields_that_cannot_be_selected_are_refused(text: str) -> None:
    with pytest.raises(ApiError, match="field"):
        parse(WIDGETS, fields=text)
