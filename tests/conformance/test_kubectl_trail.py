"""kubectl reads the audit trail, and can't change it."""

from __future__ import annotations

import json

import pytest
import yaml
from support.api import Api
from support.kubectl import Kubectl
from support.trail import act

from swarmkeeper.store.audit import AuditTrail, Entry
from swarmkeeper.store.audit_reads import AuditReader


@pytest.fixture
def trail(api: Api) -> AuditTrail:
    """The trail; entries of earlier tests stay in it."""
    trail = AuditTrail(api.database)
    act(trail)
    return trail


@pytest.fixture
def newest(api: Api, trail: AuditTrail) -> int:
    """The position of the newest entry, an outcome; its intent is one below."""
    del trail
    return AuditReader(api.database).newest()[0]


def rows(printed: str) -> list[list[str]]:
    return [line.split() for line in printed.splitlines()]


@pytest.mark.verb("get (audit trail)")
def test_get(kubectl: Kubectl, newest: int) -> None:
    heading, *found = rows(kubectl("get", "ar"))

    assert heading == ["NAME", "ENTRY", "OBJECT", "RUNBOOK", "OUTCOME", "AGE"]
    assert found[-1][:6] == [
        str(newest),
        "Succeeded",
        "SwarmService/web",
        "scale",
        "scaled",
        "to",
    ]
    assert [row[0] for row in found] == [str(seq) for seq in range(1, newest + 1)]


@pytest.mark.verb("get (audit trail)")
def test_get_in_each_form(kubectl: Kubectl, newest: int) -> None:
    name = str(newest)
    as_json = json.loads(kubectl("get", "auditrecord", name, "-o", "json"))

    assert as_json["reason"] == "spec.replicas is 5, want 3"
    assert yaml.safe_load(kubectl("get", "ar", name, "-o", "yaml"))["hash"] == as_json["hash"]
    assert "spec.replicas is 5, want 3" in kubectl("get", "ar", name, "-o", "wide")
    assert kubectl("get", "ar", name, "-o", "name") == f"auditrecord.swarmkeeper.dev/{name}\n"


@pytest.mark.verb("get (audit trail)")
def test_get_in_chunks(kubectl: Kubectl, trail: AuditTrail, newest: int) -> None:
    act(trail)

    printed = kubectl("get", "ar", "--chunk-size=3", "--no-headers", "-v=6")
    names = [row[0] for row in rows(printed) if row[0].isdigit()]
    assert names == [str(seq) for seq in range(1, newest + 3)]
    assert "continue=" in printed


@pytest.mark.verb("get (audit trail)")
def test_get_what_is_selected(kubectl: Kubectl, trail: AuditTrail, newest: int) -> None:
    act(trail, object="SwarmService/api", runbook="restart")
    names = [str(newest + 1), str(newest + 2)]

    for option in (
        ("-l", "swarmkeeper.dev/name=api,swarmkeeper.dev/kind=SwarmService"),
        ("-l", "swarmkeeper.dev/runbook=restart"),
        ("--field-selector", "object=SwarmService/api"),
    ):
        found = rows(kubectl("get", "ar", "--no-headers", *option))
        assert [row[0] for row in found][-2:] == names
        assert {row[2] for row in found} == {"SwarmService/api"}
    assert len(rows(kubectl("get", "ar", "--field-selector", f"metadata.name={names[0]}"))) == 2


@pytest.mark.verb("get -w (audit trail)")
def test_get_and_watch(kubectl: Kubectl, trail: AuditTrail, newest: int) -> None:
    process = kubectl.start("get", "ar", "-w", "--no-headers")
    try:
        assert process.stdout is not None
        assert [process.stdout.readline().split()[0] for _ in range(newest)][-1] == str(newest)
        action = trail.intend(next(trail.records()).step)
        assert process.stdout.readline().split()[:2] == [str(newest + 1), "Intended"]
        trail.finish(action, Entry.FAILED, next(trail.records()).step, outcome="no such image")
        assert process.stdout.readline().split()[:2] == [str(newest + 2), "Failed"]
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.verb("describe (audit trail)")
def test_describe(kubectl: Kubectl, newest: int) -> None:
    described = kubectl("describe", "ar", str(newest))

    assert ["Kind:", "AuditRecord"] in rows(described)
    assert "scaled to 3" in described


@pytest.mark.verb("explain (audit trail)")
def test_explain(kubectl: Kubectl, newest: int) -> None:
    del newest
    assert "One entry of the audit trail" in kubectl("explain", "auditrecords")
    assert "What the fresh look" in kubectl("explain", "auditrecords.verification")


@pytest.mark.verb("api-resources (audit trail)")
def test_it_is_known_as_read_only(kubectl: Kubectl, newest: int) -> None:
    del newest
    resources = rows(kubectl("api-resources", "-o", "wide"))

    (found,) = (row for row in resources if row[0] == "auditrecords")
    assert (found[1], found[3:5]) == ("ar", ["false", "AuditRecord"])
    verbs = kubectl("get", "--raw", "/apis/swarmkeeper.dev/v1alpha1")
    (told,) = (r for r in json.loads(verbs)["resources"] if r["name"] == "auditrecords")
    assert told["verbs"] == ["get", "list", "watch"]


@pytest.mark.verb("auth can-i (audit trail)")
def test_everyone_may_read_and_nobody_write(kubectl: Kubectl, newest: int) -> None:
    del newest
    assert "yes" in kubectl("auth", "can-i", "watch", "auditrecords")
    assert "no" in kubectl("auth", "can-i", "delete", "auditrecords", code=1)


@pytest.mark.verb("delete (audit trail, refused)")
def test_writes_are_refused(api: Api, kubectl: Kubectl, trail: AuditTrail, newest: int) -> None:
    name = str(newest)

    for arguments in (
        ("delete", "ar", name, "--wait=false"),
        ("delete", "ar", "--all", "--wait=false"),
        ("label", "ar", name, "a=b"),
        ("patch", "ar", name, "--type=merge", "-p", '{"reason": "another"}'),
    ):
        refused = kubectl(*arguments, code=1)
        assert "MethodNotAllowed" in refused or "not allow" in refused, refused
    assert trail.verify() is None
    assert AuditReader(api.database).newest()[0] == newest
