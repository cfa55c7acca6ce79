"""`swarmkeeper validate`: all problems, each as file:line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cli import swarmkeeper

import desired_state

EXAMPLE = Path(desired_state.__file__).parent / "agentes_ai"
BROKEN = """\
apiVersion: swarmkeeper.dev/v1alpha1
kind: SwarmService
metadata:
  name: web
spec:
  replicas: -1
  imagee: nginx
"""


def test_the_example_has_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    ran = swarmkeeper(capsys, "validate", str(EXAMPLE))

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "9 objects in 7 files: all valid\n"


def test_every_problem_is_a_line_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.yaml").write_text(BROKEN)

    ran = swarmkeeper(capsys, "validate", str(tmp_path))

    assert ran.code == 1
    replicas, image = ran.out.splitlines()
    assert replicas.startswith(f"{tmp_path}/web.yaml:6: SwarmService/web: spec.replicas: ")
    assert image.startswith(f"{tmp_path}/web.yaml:7: SwarmService/web: spec.imagee: unknown field")
    assert image.endswith("did you mean image?")
    assert ran.err == "2 problems; 0 objects valid\n"


def test_json_holds_the_same_for_machines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.yaml").write_text(BROKEN)

    ran = swarmkeeper(capsys, "validate", str(tmp_path), "--output", "json")

    document = json.loads(ran.out)
    assert ran.code == 1
    assert document["valid"] is False
    assert [(p["path"], p["line"], p["field"]) for p in document["problems"]] == [
        ("web.yaml", 6, "spec.replicas"),
        ("web.yaml", 7, "spec.imagee"),
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("missing", "does not exist", id="no such folder"),
        pytest.param("a-file", "is a file: give the folder it is in", id="a file"),
        pytest.param("empty", "declares nothing: is it the right folder?", id="nothing declared"),
    ],
)
def test_a_wrong_path_is_an_error_and_not_a_valid_tree(
    name: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a-file").touch()
    (tmp_path / "empty").mkdir()

    ran = swarmkeeper(capsys, "validate", str(tmp_path / name))

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"error: {tmp_path / name} {told}\n"
