"""Several `kopf run` on one API: by peering one of them acts, and nothing is handled twice."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from support.api import Api
from support.kopf_run import KopfRun, kopf_run
from support.kubectl import Kubectl
from support.operator_process import eventually
from support.widget_objects import make

from desired_state.objects import ObjectRef
from swarmkeeper.apiserver.origin import PROGRAM

PAUSING = "Pausing operations in favour of"
RESUMING = "Resuming operations after the pause"  # it says so at its start, too
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: {plural}.kopf.dev
spec:
  scope: {scope}
  group: kopf.dev
  names:
    kind: {kind}
    plural: {plural}
    singular: {singular}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            status:
              type: object
              x-kubernetes-preserve-unknown-fields: true
"""
DEFINITIONS = "---".join(
    DEFINITION.format(scope=scope, kind=kind, singular=kind.lower(), plural=f"{kind.lower()}s")
    for scope, kind in (("Cluster", "ClusterKopfPeering"), ("Namespaced", "KopfPeering"))
)
OBJECTS = """
---
apiVersion: kopf.dev/v1
kind: ClusterKopfPeering
metadata:
  name: default
---
apiVersion: kopf.dev/v1
kind: KopfPeering
metadata:
  namespace: default
  name: default
"""


class Diary:
    """What the handlers noted, and operators that note in it."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self._path = folder / "diary"
        self._path.touch()
        self._kubeconfig = kubeconfig

    def lines(self) -> list[str]:
        return self._path.read_text().splitlines()

    def has(self, *lines: str) -> None:
        """Waits for lines, and for no others."""
        eventually(lambda: len(self.lines()) >= len(lines), 60, f"the diary has {lines}")
        assert sorted(self.lines()) == sorted(lines)

    def operator(self, who: str, *options: str) -> AbstractContextManager[KopfRun]:
        env = {"WHO": who, "DIARY": str(self._path)}
        return kopf_run("diary", self._kubeconfig, *options, env=env)


@pytest.fixture
def diary(tmp_path: Path, kubeconfig: Path) -> Diary:
    return Diary(tmp_path, kubeconfig)


def peer(api: Api, kind: str = "ClusterKopfPeering") -> None:
    body = {"apiVersion": "kopf.dev/v1", "kind": kind, "metadata": {"name": "default"}}
    api.resources.create(body, actor=PROGRAM)


def resize(api: Api, name: str, size: int) -> None:
    api.resources.patch(ObjectRef("Widget", name), {"spec": {"size": size}}, actor=PROGRAM)


def gone(api: Api, name: str) -> bool:
    return api.resources.get(ObjectRef("Widget", name)) is None


@pytest.mark.verb("apply (kopf's peering.yaml)")
def test_the_documented_file_is_applied(api: Api, kubectl: Kubectl) -> None:
    for _ in range(2):
        said = kubectl("apply", "-f", "-", stdin=DEFINITIONS + OBJECTS)
        assert "clusterkopfpeerings.kopf.dev" in said
        assert api.resources.get(ObjectRef("KopfPeering", "default"))
        assert api.resources.get(ObjectRef("ClusterKopfPeering", "default"))
    assert "default" in kubectl("get", "clusterkopfpeerings,kopfpeerings")


@pytest.mark.verb("apply (other definitions, refused)")
def test_kinds_come_with_the_program(api: Api, kubectl: Kubectl) -> None:
    other = DEFINITION.format(scope="Cluster", kind="Gadget", singular="gadget", plural="gadgets")
    assert "kinds come with the program" in kubectl("apply", "-f", "-", stdin=other, code=1)

    patch = '{"spec": {"scope": "Namespaced"}}'
    named = ("crd", "clusterkopfpeerings.kopf.dev")
    said = kubectl("patch", *named, "--type=merge", "-p", patch, code=1)
    assert "it comes with the program" in said
    assert "is not supported" in kubectl("delete", *named, code=1)
    kubectl("annotate", *named, "seen=yes", "--overwrite")


@pytest.mark.client("kopf")
@pytest.mark.verb("kopf run --peering")
@pytest.mark.parametrize(
    ("kind", "scope"),
    [("ClusterKopfPeering", ["--all-namespaces"]), ("KopfPeering", ["--namespace=default"])],
)
def test_the_higher_priority_acts(api: Api, diary: Diary, kind: str, scope: list[str]) -> None:
    peer(api, kind)
    options = [*scope, "--peering=default"]
    with diary.operator("low", *options, "--priority=1") as low:
        make(api, "a")
        diary.has("low create a")
        with diary.operator("high", *options, "--priority=100"):
            low.says(PAUSING)
            make(api, "b")
            resize(api, "a", 2)
            diary.has("low create a", "high create b", "high update a")
        low.says(RESUMING, times=2)
        make(api, "c")
        resize(api, "b", 3)
        everything = ["low create a", "high create b", "high update a"]
        everything += ["low create c", "low update b"]
        diary.has(*everything)
        api.resources.delete(ObjectRef("Widget", "a"), actor=PROGRAM)
        eventually(lambda: gone(api, "a"))
        diary.has(*everything, "low delete a")
    status = api.resources.get(ObjectRef(kind, "default"))
    assert status is not None
    assert not status.get("status")  # both have left


@pytest.mark.client("kopf")
@pytest.mark.verb("kopf run --peering (same priority)")
def test_equals_freeze_each_other(api: Api, diary: Diary) -> None:
    peer(api)
    options = ("--all-namespaces", "--peering=default", "--priority=5")
    with diary.operator("one", *options) as one:
        one.says(RESUMING)
        with diary.operator("other", *options) as other:
            for each in (one, other):
                each.says("Possibly conflicting operators with the same priority")
            make(api, "a")
        one.says(RESUMING, times=2)
        diary.has("one create a")


@pytest.mark.client("kopf")
@pytest.mark.verb("kopf run --standalone")
def test_a_standalone_operator_looks_at_no_peers(api: Api, diary: Diary) -> None:
    peer(api)
    peers = {"someone": {"priority": 9, "lifetime": 600, "lastseen": "2100-01-01T00:00:00+00:00"}}
    api.resources.patch(
        ObjectRef("ClusterKopfPeering", "default"), {"status": peers}, actor=PROGRAM
    )
    with diary.operator("alone", "--all-namespaces", "--standalone") as alone:
        make(api, "a")
        diary.has("alone create a")
        assert "Pausing" not in alone.said()


@pytest.mark.client("kopf")
@pytest.mark.verb("kopf run (no peering object)")
def test_without_a_peering_object_kopf_goes_on_alone(api: Api, diary: Diary) -> None:
    with diary.operator("alone", "--all-namespaces"):
        make(api, "a")
        diary.has("alone create a")
