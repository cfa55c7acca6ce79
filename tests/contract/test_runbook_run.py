"""The page of RunbookRun says what the kind is."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from desired_state.loader import load_tree
from desired_state.objects import CommonSpec
from desired_state.runbook_run import RUNBOOK_RUN, RunbookRunSpec
from desired_state.scheme import Scheme

PAGE = (Path(__file__).resolve().parents[2] / "docs/reference/runbook-run.md").read_text("utf-8")
EXAMPLE = PAGE.partition("```yaml\n")[2].partition("```")[0]


def test_the_page_has_the_headings_that_every_kind_has() -> None:
    headings = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)

    assert headings == ["Example", "Spec", "Working with", "Status", "Runbooks"]


def test_the_example_is_valid(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(EXAMPLE)

    found = load_tree(tmp_path, Scheme([RUNBOOK_RUN]))

    assert found.problems == ()
    assert yaml.safe_load(EXAMPLE)["kind"] == RUNBOOK_RUN.name


def test_every_field_of_its_own_is_on_the_page() -> None:
    own = set(RunbookRunSpec.model_fields) - set(CommonSpec.model_fields) | {"timeout"}
    fields = RunbookRunSpec.model_fields

    assert [n for n in sorted(own) if f"| `{fields[n].alias or n}` |" not in PAGE] == []


def test_a_field_that_says_how_an_object_is_kept_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(EXAMPLE + "  mode: Warn\n")

    (problem,) = load_tree(tmp_path, Scheme([RUNBOOK_RUN])).problems

    assert str(problem).startswith("run.yaml:")
    assert "mode has no meaning for a run: what the target says counts" in str(problem)
