"""The documentation is complete and its links hold: commands, options, settings, decisions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swarmkeeper import cli
from swarmkeeper.adapters.span_counter import spans_counter
from swarmkeeper.apiserver.audit import Audit
from swarmkeeper.commands.operate import variable
from swarmkeeper.controller.metrics import Metrics
from swarmkeeper.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
COMMANDS = (DOCS / "reference/cli.md").read_text(encoding="utf-8")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)\)")
SECTION = re.compile(r"^## ", re.MULTILINE)


def section(name: str) -> str:
    """The part of docs/reference/cli.md on one command."""
    sections = {part.partition("\n")[0]: part for part in SECTION.split(COMMANDS)}
    return sections[f"swarmkeeper {name}"]


def leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """A command, or all commands below a group, with the words that lead there."""
    if not hasattr(command, "commands"):
        yield name, command
        return
    for word, below in command.commands.items():
        yield from leaves(below, f"{name} {word}")


def options(name: str) -> set[str]:
    """All long options of a command, those of its own commands included."""
    return {
        option
        for _, command in leaves(cli.load(name), name)
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--") and option != "--help"
    }


def pages() -> list[Path]:
    """Every page that people read."""
    places = (DOCS, ROOT / "reconcilers", ROOT / "desired_state", ROOT / "charts")
    found = [page for place in places for page in place.rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), ROOT / "operator/README.md", *found])


def anchors(page: Path) -> set[str]:
    """The anchors that forges make of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    text = section(name)

    missing = [option for option in sorted(options(name)) if f"`{option}" not in text]
    unnamed = [
        words for words, _ in leaves(cli.load(name), name) if words != name and words not in text
    ]
    assert (missing, unnamed) == ([], [])


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_no_option_is_documented_that_does_not_exist(name: str) -> None:
    assert set(OPTION.findall(section(name))) - options(name) == set()


def test_exit_codes_are_told_in_help_and_docs_alike() -> None:
    for name in ("run", "plan", "validate", "init", "schema", "demo"):
        help_ = " ".join(cli.load(name).help.split())
        assert "Exit codes: 0 " in help_, name
        assert "Exit codes: 0 " in section(name), name


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_option_and_variable(name: str) -> None:
    text = (DOCS / "reference/settings.md").read_text(encoding="utf-8")
    row = next((line for line in text.splitlines() if f"`{variable(name)}`" in line), "")

    assert f"`--{name.replace('_', '-')}`" in row


def test_every_documented_setting_exists() -> None:
    text = (DOCS / "reference/settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(SWARMKEEPER_[A-Z_]+)`", text))

    known = {variable(name) for name in Settings.model_fields}
    assert {name for name in documented - known if "_SANDBOX_" not in name} == set()


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    metrics = Metrics()
    Audit(metrics.registry)
    metrics.registry.register(spans_counter())
    families = [*metrics.registry.collect()]
    known = {f.name + ("_total" if f.type == "counter" else "") for f in families}
    text = (DOCS / "reference/metrics.md").read_text(encoding="utf-8")

    documented = set(re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE))

    assert {name for name in known - documented if not name.startswith("process_")} == set()
    assert documented - known == set()


def test_every_page_is_listed() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")

    pages_ = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages_) if f"({page})" not in index] == []


def test_decisions_are_numbered_once_and_say_what_they_must() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))

    numbers = [int(page.name[:4]) for page in decisions]
    assert numbers == sorted(set(numbers))
    for page in decisions:
        text = page.read_text(encoding="utf-8")
        assert all(f"## {part}" in text for part in ("Context", "Decision", "Consequences")), page


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []
