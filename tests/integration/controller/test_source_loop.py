"""From a commit to objects on the API, with real git."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from support.git import Repository
from support.harness import Harness

from desired_state.objects import API_VERSION, ObjectRef
from desired_state.sources import GitSource, SourceConfig
from swarmkeeper.controller.source_loop import SourceJob, SourceLoop

SOURCE = ObjectRef("GitRepository", "state")


def gauge(name: str, value: object) -> str:
    return (
        "apiVersion: swarmkeeper.dev/v1alpha1\n"
        "kind: Gauge\n"
        f"metadata: {{name: {name}}}\n"
        "spec:\n"
        f"  value: {value}\n"
    )


class Setting:
    """A repository, an engine, and the loop between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = Repository(folder)
        self.engine = Harness()
        self.looked_at: list[ObjectRef] = []
        self.engine.objects.create(
            {
                "apiVersion": API_VERSION,
                "kind": "GitRepository",
                "metadata": {"name": "state"},
                "spec": {"url": self.repository.url},
            },
            actor="test",
        )
        self.loop = self.new_loop()

    def new_loop(self) -> SourceLoop:
        config = SourceConfig(url=self.repository.url)
        source = GitSource(config, self.folder / "cache")
        job = SourceJob(SOURCE, source, self.engine.scheme)
        return SourceLoop(self.engine.deps, job, self.note)

    def note(self, refs: Iterable[ObjectRef]) -> None:
        self.looked_at.extend(refs)

    def values(self) -> dict[str, object]:
        return {
            obj["metadata"]["name"]: obj["spec"]["value"]
            for obj in self.engine.objects.list("Gauge")
            if "deletionTimestamp" not in obj["metadata"]
        }


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def test_a_commit_becomes_objects_with_the_revision_in_status(setting: Setting) -> None:
    sha = setting.repository.commit(one=gauge("a", 1), two=gauge("b", 2))

    setting.loop.sync()

    assert setting.values() == {"a": 1, "b": 2}
    assert setting.looked_at == [ObjectRef("Gauge", "a"), ObjectRef("Gauge", "b")]
    status = setting.engine.status(SOURCE)
    assert status["artifact"]["revision"] == f"main@sha1:{sha}"
    assert setting.engine.condition(SOURCE, "Ready") == ("True", "ReconciliationSucceeded")


def test_an_unchanged_repository_writes_nothing(setting: Setting) -> None:
    setting.repository.commit(one=gauge("a", 1))
    setting.loop.sync()
    before = setting.engine.stored(SOURCE)

    setting.engine.clock.forward(minutes=5)
    setting.loop.sync()

    assert setting.engine.stored(SOURCE) == before


def test_a_drift_names_the_line_and_commit_of_its_field(setting: Setting) -> None:
    sha = setting.repository.commit(one=gauge("a", 1))
    setting.loop.sync()
    setting.engine.world.values["a"] = 7

    setting.engine.run(ObjectRef("Gauge", "a"))

    (message,) = [text for _, reason, text in setting.engine.events() if reason == "SetApplied"]
    assert message.startswith(f"spec.value: want 1, got 7 (one.yaml:5@{sha[:7]}): set to 1")


def test_a_broken_file_is_refused_with_its_line_and_everything_stays(setting: Setting) -> None:
    setting.repository.commit(one=gauge("a", 1), two=gauge("b", 2))
    setting.loop.sync()
    setting.repository.commit(one=gauge("a", "lots"), two=gauge("b", 3))

    setting.loop.sync()

    assert setting.values() == {"a": 1, "b": 3}
    assert setting.engine.condition(SOURCE, "Ready") == ("False", "InvalidDeclaration")
    (problem,) = setting.engine.status(SOURCE)["problems"]
    assert problem.startswith("one.yaml:5: Gauge/a: spec.value:")
    setting.engine.run(ObjectRef("Gauge", "a"))
    assert setting.engine.condition(ObjectRef("Gauge", "a"), "Stalled") == (
        "True",
        "InvalidDeclaration",
    )


def test_a_mended_file_takes_the_refusal_back(setting: Setting) -> None:
    setting.repository.commit(one=gauge("a", 1))
    setting.loop.sync()
    setting.repository.commit(one="a: [")
    setting.loop.sync()
    assert setting.values() == {"a": 1}

    setting.repository.commit(one=gauge("a", 5))
    setting.loop.sync()

    assert setting.values() == {"a": 5}
    assert setting.engine.condition(SOURCE, "Stalled") is None


def test_a_removed_file_removes_its_objects(setting: Setting) -> None:
    setting.repository.commit(one=gauge("a", 1), two=gauge("b", 2))
    setting.loop.sync()
    setting.repository.commit(two=None)

    setting.loop.sync()

    assert setting.values() == {"a": 1}


def test_an_object_that_comes_back_while_it_is_leaving_is_made_anew(setting: Setting) -> None:
    ref = ObjectRef("Gauge", "a")
    setting.repository.commit(one=gauge("a", 1), two=gauge("b", 2))
    setting.loop.sync()
    setting.engine.run(ref)
    setting.repository.commit(one=None)
    setting.loop.sync()
    setting.repository.commit(one=gauge("a", 5))
    setting.loop.sync()
    assert setting.values() == {"b": 2}

    setting.engine.run(ref)
    setting.loop.sync()

    assert setting.values() == {"a": 5, "b": 2}


def test_an_emptied_repository_removes_nothing(setting: Setting) -> None:
    setting.repository.commit(one=gauge("a", 1))
    setting.loop.sync()
    setting.repository.commit(one=None)

    setting.loop.sync()

    assert setting.values() == {"a": 1}
    assert any(reason == "PruneHeld" for _, reason, _ in setting.engine.events())
    spec = {"spec": {"allowEmpty": True}}
    setting.engine.objects.patch(SOURCE, spec, actor="test")
    setting.loop.sync()
    assert setting.values() == {}


def test_a_force_push_is_followed(setting: Setting) -> None:
    setting.repository.commit(one=gauge("a", 1))
    setting.repository.commit(one=gauge("a", 2))
    setting.loop.sync()
    sha = setting.repository.rewrite(one=gauge("a", 3))

    setting.loop.sync()

    assert setting.values() == {"a": 3}
    assert setting.engine.status(SOURCE)["artifact"]["revision"].endswith(sha)


def test_a_repository_that_is_gone_keeps_what_was_in_force(setting: Setting) -> None:
    setting.repository.commit(one=gauge("a", 1))
    setting.loop.sync()
    away = setting.folder / "away.git"
    shutil.move(setting.repository.bare, away)

    setting.loop.sync()
    setting.loop.sync()

    assert setting.values() == {"a": 1}
    assert setting.engine.condition(SOURCE, "Ready") == ("False", "FetchFailed")
    assert setting.engine.condition(SOURCE, "ArtifactInStorage") == (
        "True",
        "ReconciliationSucceeded",
    )
    assert len([event for event in setting.engine.events() if event[1] == "FetchFailed"]) == 1
    shutil.move(away, setting.repository.bare)
    setting.loop.sync()
    assert setting.engine.condition(SOURCE, "Ready") == ("True", "ReconciliationSucceeded")


def test_a_start_without_git_puts_the_last_artifact_in_force(setting: Setting) -> None:
    setting.repository.commit(one=gauge("a", 1))
    setting.loop.sync()
    shutil.rmtree(setting.repository.bare)
    setting.engine.deps.origins.set({})

    setting.new_loop().restore()

    origin = setting.engine.deps.origins.lookup(ObjectRef("Gauge", "a"))("spec.value")
    assert str(origin).startswith("one.yaml:5@")


def test_an_empty_repository_says_so(setting: Setting) -> None:
    setting.loop.sync()

    assert setting.engine.condition(SOURCE, "Ready") == ("False", "FetchFailed")
    assert setting.engine.condition(SOURCE, "ArtifactInStorage") == ("False", "FetchFailed")


def test_a_suspended_source_is_not_fetched(setting: Setting) -> None:
    setting.repository.commit(one=gauge("a", 1))
    setting.loop.sync()
    setting.engine.objects.patch(SOURCE, {"spec": {"suspend": True}}, actor="test")
    setting.repository.commit(one=gauge("a", 2))

    setting.loop.sync()

    assert setting.values() == {"a": 1}
    assert setting.engine.condition(SOURCE, "Ready") == ("Unknown", "Suspended")
