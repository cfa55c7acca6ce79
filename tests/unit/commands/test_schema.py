"""`swarmkeeper schema`: editors refuse what the operator refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.cli import swarmkeeper

from swarmkeeper.commands.kinds import scheme
from swarmkeeper.commands.schema import document_schema

VALIDATOR = jsonschema.Draft7Validator(document_schema(scheme()))


def _service(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "swarmkeeper.dev/v1alpha1",
        "kind": "SwarmService",
        "metadata": {"name": "web"},
        "spec": spec,
    }


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(_service(replicas=3, env={"A": "b", "GONE": None}), id="fields and null"),
        pytest.param(_service(interval="1h30m", limits={"per": "5m"}), id="durations"),
        pytest.param(
            {key: value for key, value in _service().items() if key != "spec"}, id="no spec"
        ),
    ],
)
def test_what_is_right_is_accepted(document: dict[str, Any]) -> None:
    VALIDATOR.validate(document)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(_service(replicas=-1), id="number out of range"),
        pytest.param(_service(replicas="3"), id="text for a number"),
        pytest.param(_service(imagee="nginx"), id="unknown field"),
        pytest.param(_service(interval="often"), id="no duration"),
        pytest.param(_service() | {"kind": "SwarmServise"}, id="unknown kind"),
        pytest.param(_service() | {"kind": "GitRepository"}, id="a kind that git can't declare"),
        pytest.param(_service() | {"apiVersion": "v1"}, id="another group"),
        pytest.param(_service() | {"metadata": {"name": "Not_A_Label"}}, id="bad name"),
        pytest.param(_service() | {"status": {}}, id="a status"),
    ],
)
def test_what_is_wrong_is_refused(document: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(document)


def test_it_goes_to_stdout_or_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = swarmkeeper(capsys, "schema")
    written = swarmkeeper(capsys, "schema", "--output", str(tmp_path / "schema.json"))

    assert (printed.code, written.code, written.out) == (0, 0, "")
    assert json.loads(printed.out) == json.loads((tmp_path / "schema.json").read_text())


def test_a_file_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = swarmkeeper(capsys, "schema", "-o", str(tmp_path / "no/schema.json"))

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {tmp_path}/no/schema.json: no such file")
