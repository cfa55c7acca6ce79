"""Log lines: what every one of them carries, in both forms."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from swarmkeeper import logs
from swarmkeeper.runtime.log_context import bound
from swarmkeeper.runtime.redaction import Redactor

LOG = logging.getLogger("swarmkeeper.test")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def configured(*, as_json: bool) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(json=as_json, level="INFO", stream=stream, redactor=Redactor(["hunter22"]))
    return stream


def test_a_line_within_a_pass_names_it() -> None:
    stream = configured(as_json=True)

    with bound(object="Gauge/a", reconcile_id="12ab", revision="main@sha1:abc", trace_id=""):
        LOG.info("event", extra={"reason": "Set"})
    LOG.info("later")

    inside, outside = map(json.loads, stream.getvalue().splitlines())
    assert {k: inside[k] for k in ("object", "reconcile_id", "revision", "reason")} == {
        "object": "Gauge/a",
        "reconcile_id": "12ab",
        "revision": "main@sha1:abc",
        "reason": "Set",
    }
    assert "trace_id" not in inside
    assert "object" not in outside


def test_the_keys_of_a_line_itself_win() -> None:
    stream = configured(as_json=False)

    with bound(object="Gauge/a"):
        LOG.info("event", extra={"object": "Gauge/b"})

    assert stream.getvalue().rstrip().endswith("event object=Gauge/b")


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
def test_no_part_of_a_line_tells_a_secret(as_json: bool) -> None:
    stream = configured(as_json=as_json)

    error = RuntimeError("no entry with hunter22")
    LOG.error("failed: %s", error, exc_info=error, extra={"why": error, "x": {"y": "hunter22"}})

    assert "no entry with ***" in stream.getvalue()
    assert "RuntimeError" in stream.getvalue()
    assert "hunter22" not in stream.getvalue()
