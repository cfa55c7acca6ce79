"""The rules that every registered kind keeps."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import reconcilers
from desired_state.objects import API_VERSION, CommonSpec
from reconcilers.registry import RECONCILERS, scheme
from swarmkeeper.runtime.reconciler import Reconciler, Target
from swarmkeeper.testing import FakeSwarm, fake_ports, target_of

HOME = Path(reconcilers.__file__).parent
HEADINGS = ["Example", "Spec", "Working with", "Status", "Runbooks"]
KEBAB = re.compile(r"^[a-z]+(-[a-z]+)*$")
_BLOCK = re.compile(
    r"(?:<!-- plans: (?P<plans>[a-z-]+) -->\n)?```yaml\n(?P<text>.*?)```", re.DOTALL
)

AnyReconciler = Reconciler[Any, Any]
KINDS = [pytest.param(reconciler, id=name) for name, reconciler in RECONCILERS.items()]
every_kind = pytest.mark.parametrize("reconciler", KINDS)


def folder_of(reconciler: AnyReconciler) -> Path:
    return HOME / type(reconciler).__module__.split(".")[1]


def page_of(reconciler: AnyReconciler) -> str:
    return (folder_of(reconciler) / "README.md").read_text()


def section(page: str, heading: str) -> str:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def examples(reconciler: AnyReconciler) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects of the page's examples, with the runbook that each is said to plan."""
    for block in _BLOCK.finditer(section(page_of(reconciler), "Example")):
        for document in yaml.safe_load_all(block["text"]):
            if document["kind"] == reconciler.kind.name:
                yield document, block["plans"] or ""


def targets(reconciler: AnyReconciler) -> Iterator[Target[Any]]:
    for document, _ in examples(reconciler):
        yield target_of(reconciler, document["spec"], name=document["metadata"]["name"])


def test_every_folder_is_registered() -> None:
    folders = {path.parent for path in HOME.glob("*/__init__.py")}

    assert folders == {folder_of(reconciler) for reconciler in RECONCILERS.values()}


def test_the_tests_of_kinds_import_none_of_each_other() -> None:
    """The wheel's test copies them out of the tree; what they share is in tests/support."""
    importing = [path for path in HOME.glob("*/tests/*.py") if ".tests." in path.read_text()]

    assert importing == []


def test_the_scheme_knows_every_kind() -> None:
    assert scheme().names() == tuple(RECONCILERS)


def test_names_are_unique_among_all_kinds() -> None:
    names = [name for kind in scheme() for name in {kind.plural, kind.singular, *kind.short_names}]

    assert sorted(names) == sorted(set(names))


@every_kind
def test_the_package_exports_the_reconciler_and_nothing_else(reconciler: AnyReconciler) -> None:
    package = __import__(f"reconcilers.{folder_of(reconciler).name}", fromlist=["RECONCILER"])

    assert package.__all__ == ["RECONCILER"]
    assert package.RECONCILER is reconciler


@every_kind
def test_the_page_has_the_headings_that_every_page_has(reconciler: AnyReconciler) -> None:
    page = page_of(reconciler)

    assert page.startswith(f"# {reconciler.kind.name}\n")
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == HEADINGS


@every_kind
def test_the_page_has_an_example_that_is_valid(reconciler: AnyReconciler) -> None:
    found = [document for document, _ in examples(reconciler)]

    assert found
    for document in found:
        assert document["apiVersion"] == API_VERSION
        reconciler.kind.spec.model_validate(document["spec"])


@every_kind
def test_the_page_names_every_field_of_the_spec(reconciler: AnyReconciler) -> None:
    text = section(page_of(reconciler), "Spec")
    fields = reconciler.kind.spec.model_fields
    own = [
        field.alias or name for name, field in fields.items() if name not in CommonSpec.model_fields
    ]

    assert [name for name in own if f"`{name}`" not in text] == []


@every_kind
def test_every_field_of_the_spec_is_described(reconciler: AnyReconciler) -> None:
    schema = reconciler.kind.spec.model_json_schema()
    models = {"spec": schema, **schema.get("$defs", {})}
    fields = {
        f"{model}.{name}": field
        for model, document in models.items()
        for name, field in document.get("properties", {}).items()
    }

    assert [path for path, field in fields.items() if not field.get("description")] == []


@every_kind
def test_a_spec_refuses_what_it_does_not_know(reconciler: AnyReconciler) -> None:
    for document, _ in examples(reconciler):
        with pytest.raises(ValueError, match="noSuchField"):
            reconciler.kind.spec.model_validate({**document["spec"], "noSuchField": 1})


@every_kind
def test_the_page_names_every_runbook(reconciler: AnyReconciler) -> None:
    text = section(page_of(reconciler), "Runbooks")

    assert [r.name for r in reconciler.runbooks if f"`{r.name}`" not in text] == []


@every_kind
def test_runbooks_are_named_once_and_their_way_back_exists(reconciler: AnyReconciler) -> None:
    names = [runbook.name for runbook in reconciler.runbooks]

    assert len(names) == len(set(names))
    for runbook in reconciler.runbooks:
        assert KEBAB.match(runbook.name)
        assert runbook.description.endswith(".")
        assert runbook.revert in names or runbook.revert.endswith(".")


@every_kind
def test_a_marked_example_plans_what_it_says(reconciler: AnyReconciler) -> None:
    for document, expected in examples(reconciler):
        if expected:
            target = target_of(reconciler, document["spec"], name=document["metadata"]["name"])
            plan = reconciler.plan(target, reconciler.observe(target, fake_ports()))
            assert [action.runbook for action in plan.actions] == [expected]


@every_kind
def test_every_planned_runbook_exists_and_is_automatic(reconciler: AnyReconciler) -> None:
    automatic = {runbook.name for runbook in reconciler.runbooks if runbook.automatic}

    for target in targets(reconciler):
        plan = reconciler.plan(target, reconciler.observe(target, fake_ports()))
        assert {action.runbook for action in plan.actions} <= automatic


@every_kind
def test_a_planned_step_is_no_riskier_than_its_runbook(reconciler: AnyReconciler) -> None:
    risks = {runbook.name: runbook.risk for runbook in reconciler.runbooks}

    for target in targets(reconciler):
        plan = reconciler.plan(target, reconciler.observe(target, fake_ports()))
        assert all(action.risk <= risks[action.runbook] for action in plan.actions)


@every_kind
def test_plan_and_verify_are_pure(reconciler: AnyReconciler) -> None:
    for target in targets(reconciler):
        observed = reconciler.observe(target, fake_ports())
        before = copy.deepcopy(observed)

        for judge in (reconciler.plan, reconciler.verify, reconciler.finalize, reconciler.remember):
            assert judge(target, observed) == judge(target, observed)
        assert observed == before


@every_kind
def test_observing_changes_nothing(reconciler: AnyReconciler) -> None:
    for target in targets(reconciler):
        swarm = FakeSwarm()

        reconciler.observe(target, fake_ports(swarm))

        assert swarm.writes == 0


@every_kind
def test_what_is_unknown_is_never_acted_upon_nor_called_healthy(reconciler: AnyReconciler) -> None:
    for target in targets(reconciler):
        swarm = FakeSwarm()
        swarm.available = False

        observed = reconciler.observe(target, fake_ports(swarm))

        assert reconciler.plan(target, observed).actions == ()
        assert reconciler.finalize(target, observed).actions == ()
        assert reconciler.verify(target, observed).healthy is not True
        assert reconciler.remember(target, observed) is None


@every_kind
def test_signals_are_names_and_always_the_same(reconciler: AnyReconciler) -> None:
    for target in targets(reconciler):
        signals = reconciler.signals(target.ref, target.spec)

        assert signals == reconciler.signals(target.ref, target.spec)
        assert all(re.match(r"^[a-z]+(/\S+)?$", signal) for signal in signals)
