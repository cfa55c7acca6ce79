"""`swarmkeeper init`: a repository that is valid from the first moment."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from support.cli import swarmkeeper


def test_the_new_repository_is_valid_and_wired_up_for_editors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "state"

    assert swarmkeeper(capsys, "init", str(target)).code == 0

    assert swarmkeeper(capsys, "validate", str(target)).code == 0
    assert (target / "README.md").is_file()
    settings = json.loads((target / ".vscode/settings.json").read_text())
    (schema,) = settings["yaml.schemas"]
    assert (target / schema).is_file()


def test_its_objects_fit_its_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    swarmkeeper(capsys, "init", str(tmp_path))

    validator = jsonschema.Draft7Validator(
        json.loads((tmp_path / "swarmkeeper.schema.json").read_text())
    )
    for file in tmp_path.glob("*.yaml"):
        for document in yaml.safe_load_all(file.read_text()):
            validator.validate(document)


def test_a_fresh_clone_may_be_filled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".git").mkdir()

    assert swarmkeeper(capsys, "init", str(tmp_path)).code == 0


def test_a_folder_with_something_in_it_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    ran = swarmkeeper(capsys, "init", str(tmp_path))

    assert ran.code == 1
    assert ran.err == (f"error: {tmp_path} is not empty (notes.txt): give a new or empty folder\n")
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    ran = swarmkeeper(capsys, "init", str(tmp_path / "file"))

    assert (ran.code, "is a file" in ran.err) == (1, True)
