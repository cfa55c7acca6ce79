"""What is broken now stays as it was; an object goes only when it was really, readably removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.trees import load, ref, service, write

from desired_state.snapshot import Snapshot

GOOD = service("web", "image: app:1") + service("db", "image: db:1")


@pytest.fixture
def before(tmp_path: Path) -> Snapshot:
    write(tmp_path, {"a.yaml": GOOD, "b.yaml": service("other")})
    snapshot = load(tmp_path, revision="main@sha1:1")
    assert not snapshot.problems
    return snapshot


@pytest.mark.parametrize(
    "broken",
    [
        "spec: 'x",
        "\xff".encode("latin-1") + b" swarmkeeper.dev",
        service("web").encode("utf-16"),
        "- not: ours",
        "just text",
        "kind: SwarmServic\nmetadata: {name: web}\nspec: {image: x}",
        service("web").replace("SwarmService", "SwarmServce"),
        service("web").replace("name: web", "name: WEB"),
    ],
    ids=["yaml", "latin-1", "utf-16", "list", "text", "no-version", "kind", "name"],
)  # fmt: skip
def test_a_file_of_which_nobody_knows_what_it_declares_keeps_all_its_objects(
    tmp_path: Path, before: Snapshot, broken: str | bytes
) -> None:
    write(tmp_path, {"a.yaml": broken})

    after = load(tmp_path, before, revision="main@sha1:2")

    assert set(after.objects) == set(before.objects)
    assert [r.name for r, obj in after.objects.items() if obj.stale] == ["web", "db"]
    assert after.objects[ref("web")].spec == {"image": "app:1"}
    assert after.objects[ref("web")].origin.revision == "main@sha1:1"
    assert after.problems
    assert not after.complete
    assert not after.may_prune(ref("anything"))


@pytest.mark.parametrize(
    "broken",
    [
        service("web", "image: app:2, replicas: -1"),
        service("web").replace("apiVersion: swarmkeeper.dev/v1alpha1\n", ""),
        service("web").replace("swarmkeeper.dev", "swarmkeper.dev"),
        service("web").replace("v1alpha1", "v2"),
        service("web") + "kind: SwarmService\n",
    ],
    ids=["spec", "no-version", "group", "version", "duplicate"],
)
def test_an_invalid_document_keeps_only_its_own_object(
    tmp_path: Path, before: Snapshot, broken: str
) -> None:
    write(tmp_path, {"a.yaml": broken})

    after = load(tmp_path, before)

    assert after.objects[ref("web")].stale
    assert after.objects[ref("web")].spec == {"image": "app:1"}
    assert ref("db") not in after.objects
    assert after.may_prune(ref("db"))
    assert after.complete


def test_an_invalid_object_without_a_good_version_is_not_there_and_not_pruned(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"a.yaml": service("web", "image: 1") + service("db")})

    snapshot = load(tmp_path)

    assert set(snapshot.objects) == {ref("db")}
    assert snapshot.broken == {ref("web")}
    assert not snapshot.complete
    assert not snapshot.may_prune(ref("web"))
    assert snapshot.may_prune(ref("gone"))


def test_an_object_that_moved_out_of_a_broken_file_is_taken_from_where_it_is_now(
    tmp_path: Path, before: Snapshot
) -> None:
    write(tmp_path, {"a.yaml": "x: 'y swarmkeeper.dev", "c.yaml": service("web", "image: app:2")})

    after = load(tmp_path, before)

    assert not after.objects[ref("web")].stale
    assert after.objects[ref("web")].spec == {"image": "app:2"}
    assert after.objects[ref("db")].stale


def test_what_stays_stale_stays_over_many_loads_and_heals(tmp_path: Path, before: Snapshot) -> None:
    write(tmp_path, {"a.yaml": "x: 'y"})
    after = load(tmp_path, load(tmp_path, load(tmp_path, before)))
    write(tmp_path, {"a.yaml": GOOD})

    healed = load(tmp_path, after)

    assert after.objects[ref("db")].stale
    assert healed.complete
    assert not healed.diff(before)
    assert not any(obj.stale for obj in healed.objects.values())


def test_a_removed_document_or_file_removes_the_object(tmp_path: Path, before: Snapshot) -> None:
    (tmp_path / "b.yaml").unlink()
    write(tmp_path, {"a.yaml": service("web")})

    after = load(tmp_path, before)

    assert set(after.objects) == {ref("web")}
    assert after.complete


def test_a_file_that_became_another_tools_file_removes_the_object(
    tmp_path: Path, before: Snapshot
) -> None:
    write(tmp_path, {"b.yaml": "services:\n  web:\n    image: x\n"})

    after = load(tmp_path, before)

    assert ref("other") not in after.objects
    assert not after.problems


def test_a_vanished_root_keeps_everything(tmp_path: Path, before: Snapshot) -> None:
    after = load(tmp_path / "absent", before)

    assert set(after.objects) == set(before.objects)
    assert [
        problem.message.endswith("no such file or directory") for problem in after.problems
    ] == [True]
    assert not after.complete


def test_a_cycle_keeps_the_objects_as_they_were(tmp_path: Path, before: Snapshot) -> None:
    needs = "image: app:2, dependsOn: [{kind: SwarmService, name: db}]"
    back = "image: app:2, dependsOn: [{kind: SwarmService, name: web}]"
    write(tmp_path, {"a.yaml": service("web", needs) + service("db", back)})

    after = load(tmp_path, before)

    assert after.objects[ref("web")].spec == {"image": "app:1"}
    assert after.objects[ref("db")].stale


def test_a_second_declaration_keeps_the_object_as_it_was(tmp_path: Path, before: Snapshot) -> None:
    write(tmp_path, {"c.yaml": service("web", "image: app:2")})

    after = load(tmp_path, before)

    assert after.objects[ref("web")].spec == {"image": "app:1"}
    assert after.objects[ref("web")].stale
