"""Mistakes that concern several objects or files: duplicates, dependencies, cycles."""

from __future__ import annotations

from pathlib import Path

from support.trees import load, service, write

HEAD = """\
apiVersion: swarmkeeper.dev/v1alpha1
kind: SwarmService
metadata:
  name: web
spec:
  image: app:1
"""
WEB = "SwarmService/web"


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "b.yaml": service("b", "imag: x, replicas: -1") + service("c", "image: 3"),
            "a/a.yml": service("a", "image: 'x"),
            "d.yaml": service("d"),
        },
    )

    snapshot = load(tmp_path)

    assert [str(problem).split(": ")[0] for problem in snapshot.problems] == [
        "a/a.yml:5", "b.yaml:5", "b.yaml:5", "b.yaml:5", "b.yaml:10",
    ]  # fmt: skip
    assert [ref.name for ref in snapshot.objects] == ["d"]
    assert snapshot.files_read == 3


def test_an_object_declared_twice_names_both_places(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": service("web"), "b.yaml": service("x") + service("web")})

    snapshot = load(tmp_path)

    assert [str(problem) for problem in snapshot.problems] == [
        f"b.yaml:7: {WEB}: metadata.name: is declared twice: a.yaml:2 has it already"
    ]
    assert [ref.name for ref in snapshot.objects] == ["x"]


def test_the_same_name_in_another_namespace_is_another_object(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": service("web") + service("web", namespace="blue")})

    snapshot = load(tmp_path)

    assert [str(ref) for ref in snapshot.objects] == [WEB, "SwarmService/blue/web"]


def test_a_cycle_is_told_for_each_object_on_it(tmp_path: Path) -> None:
    def after(other: str) -> str:
        return f"image: x, dependsOn: [{{kind: SwarmService, name: {other}}}]"

    write(
        tmp_path,
        {
            "a.yaml": service("a", after("b")) + service("b", after("c")),
            "c.yaml": service("c", after("a")) + service("d", after("a")),
        },
    )

    snapshot = load(tmp_path)

    assert [problem.message for problem in snapshot.problems] == [
        "depends on itself: SwarmService/a -> SwarmService/b -> SwarmService/c -> SwarmService/a",
        "depends on itself: SwarmService/b -> SwarmService/c -> SwarmService/a -> SwarmService/b",
        "depends on itself: SwarmService/c -> SwarmService/a -> SwarmService/b -> SwarmService/c",
    ]
    assert [ref.name for ref in snapshot.objects] == ["d"]


def test_nothing_is_called_missing_while_a_file_cannot_be_read(tmp_path: Path) -> None:
    needs = "image: x, dependsOn: [{kind: SwarmService, name: hidden}]"
    write(tmp_path, {"a.yaml": service("a", needs), "b.yaml": service("hidden", "image: 'x")})

    snapshot = load(tmp_path)

    assert [problem.path for problem in snapshot.problems] == ["b.yaml"]
    assert [ref.name for ref in snapshot.objects] == ["a"]


def test_a_dependency_on_an_invalid_object_is_no_mistake_of_the_other(tmp_path: Path) -> None:
    needs = "image: x, dependsOn: [{kind: SwarmService, name: b}]"
    write(tmp_path, {"a.yaml": service("a", needs) + service("b", "image: 1")})

    snapshot = load(tmp_path)

    assert [str(problem.ref) for problem in snapshot.problems] == ["SwarmService/b"]


def test_a_secret_value_is_in_no_message(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"a.yaml": service("a", "image: x, order: hunter22, env: {DB_PASSWORD: hunter22}")},
    )

    (problem,) = load(tmp_path).problems

    assert problem.message == "must be one of start-first, stop-first, got '***'"
