"""Every field knows the line where it was declared."""

from __future__ import annotations

from pathlib import Path

from support.trees import load, ref, write

from desired_state.objects import Origin

TEXT = """\
# a comment
---
# the first
apiVersion: swarmkeeper.dev/v1alpha1
kind: SwarmService
metadata:
  name: a
spec:
  image: &image app:1

  env: &env
    LOG_LEVEL: info  # why
    BANNER: |
      two
      lines
  dependsOn:
    # first
    - kind: SwarmService
      name: b
    - {kind: CronJob,
       name: c}
---

apiVersion: swarmkeeper.dev/v1alpha1
kind: SwarmService
metadata: {name: b}
spec:
  image: app:1
---
apiVersion: swarmkeeper.dev/v1alpha1
kind: CronJob
metadata: {name: c}
"""


def test_lines_are_right_under_comments_anchors_and_several_documents(tmp_path: Path) -> None:
    write(tmp_path, {"dir/a.yaml": TEXT})

    snapshot = load(tmp_path, revision="main@sha1:" + "ab" * 20)

    assert not snapshot.problems
    lines = snapshot.objects[ref("a")].lines
    assert {path: line for path, line in lines.items() if path.startswith("spec")} == {
        "spec": 8,
        "spec.image": 9,
        "spec.env": 11,
        "spec.env.LOG_LEVEL": 12,
        "spec.env.BANNER": 13,
        "spec.dependsOn": 16,
        "spec.dependsOn.0": 18,
        "spec.dependsOn.0.kind": 18,
        "spec.dependsOn.0.name": 19,
        "spec.dependsOn.1": 20,
        "spec.dependsOn.1.kind": 20,
        "spec.dependsOn.1.name": 21,
    }
    assert str(snapshot.objects[ref("a")].origin) == "dir/a.yaml:4@abababa"
    assert snapshot.objects[ref("b")].origin.line == 24
    assert snapshot.objects[ref("b")].origin_of("spec.replicas") == Origin(
        "dir/a.yaml", 27, "main@sha1:" + "ab" * 20
    )


def test_merged_fields_point_to_where_they_are_written(tmp_path: Path) -> None:
    text = """\
    apiVersion: swarmkeeper.dev/v1alpha1
    kind: SwarmService
    metadata:
      name: a
      labels: &base
        TIER: web
        TEAM: blue
    spec:
      image: x
      env:
        <<: *base
        TEAM: green
    """
    write(tmp_path, {"a.yaml": text})

    obj = load(tmp_path).objects[ref("a")]

    assert obj.spec["env"] == {"TIER": "web", "TEAM": "green"}
    assert obj.lines["spec.env.TIER"] == 6
    assert obj.lines["spec.env.TEAM"] == 12
    assert obj.lines["metadata.labels.TEAM"] == 7


def test_a_list_of_merges_gives_the_first_one_precedence(tmp_path: Path) -> None:
    text = """\
    apiVersion: swarmkeeper.dev/v1alpha1
    kind: SwarmService
    metadata: {name: a, labels: &one {A: 1a}, annotations: &two {A: 2a, B: 2b}}
    spec:
      image: x
      env:
        <<: [*one, *two]
    """
    write(tmp_path, {"a.yaml": text})

    assert load(tmp_path).objects[ref("a")].spec["env"] == {"A": "1a", "B": "2b"}


def test_plain_words_are_read_as_kubernetes_tools_read_them(tmp_path: Path) -> None:
    text = """\
    apiVersion: swarmkeeper.dev/v1alpha1
    kind: SwarmService
    metadata: {name: a}
    spec:
      image: x
      replicas: 0x10
      suspend: on
      env:
        TIME: 12:30
        DATE: 2026-01-31
        VERSION: 1.2.3
        EQUALS: =
        BIG: "1e3"
    """
    write(tmp_path, {"a.yaml": text})

    obj = load(tmp_path).objects[ref("a")]

    assert obj.spec["replicas"] == 16
    assert obj.spec["suspend"] is True
    assert obj.spec["env"] == {
        "TIME": "12:30", "DATE": "2026-01-31", "VERSION": "1.2.3", "EQUALS": "=", "BIG": "1e3",
    }  # fmt: skip
