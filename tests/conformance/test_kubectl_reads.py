"""Real kubectl reading: get in every form, describe, events, watch, wait."""

from __future__ import annotations

import json
import threading

import pytest
import yaml
from support.api import Api
from support.kubectl import Kubectl
from support.widget_objects import be_ready, make, post_event, remove, table

from desired_state.objects import ObjectRef
from swarmkeeper.apiserver.origin import PROGRAM

READY = "--for=condition=Ready"


@pytest.mark.verb("get")
@pytest.mark.parametrize("name", ["widgets", "wd", "widget", "widgets.swarmkeeper.dev", "all"])
def test_get_by_any_name(api: Api, kubectl: Kubectl, name: str) -> None:
    make(api)
    be_ready(api)

    printed = table(kubectl("get", name))

    assert printed[0] == ["NAME", "SIZE", "READY", "STATUS", "AGE"]
    assert printed[1][0].endswith("a")
    assert printed[1][1:6] == ["1", "True", "all", "is", "well"]


@pytest.mark.verb("get")
def test_what_is_not_there_is_told(kubectl: Kubectl) -> None:
    assert 'widgets.swarmkeeper.dev "c" not found' in kubectl("get", "wd", "c", code=1)
    assert kubectl("get", "wd", "c", "--ignore-not-found") == ""
    assert "No resources found" in kubectl("get", "wd")


@pytest.mark.verb("get -o json")
def test_get_as_json(api: Api, kubectl: Kubectl) -> None:
    created = make(api)

    assert json.loads(kubectl("get", "wd", "a", "-o", "json")) == created
    assert json.loads(kubectl("get", "wd", "-o", "json"))["items"] == [created]


@pytest.mark.verb("get -o yaml")
def test_get_as_yaml(api: Api, kubectl: Kubectl) -> None:
    created = make(api)

    assert yaml.safe_load(kubectl("get", "wd", "a", "-o", "yaml")) == created


@pytest.mark.verb("get -o wide")
def test_get_wide_shows_more_columns(api: Api, kubectl: Kubectl) -> None:
    make(api)

    assert table(kubectl("get", "wd", "-o", "wide"))[0][-1] == "ENV"


@pytest.mark.verb("get -o name")
def test_get_names(api: Api, kubectl: Kubectl) -> None:
    make(api)

    assert kubectl("get", "wd", "-o", "name") == "widget.swarmkeeper.dev/a\n"


@pytest.mark.verb("get -o jsonpath")
def test_get_by_path(api: Api, kubectl: Kubectl) -> None:
    make(api, "a", size=1)
    make(api, "b", size=2)

    assert kubectl("get", "wd", "-o", "jsonpath={.items[*].spec.size}") == "1 2"


@pytest.mark.verb("get -o custom-columns")
def test_get_with_columns_of_ones_own(api: Api, kubectl: Kubectl) -> None:
    make(api)

    columns = "custom-columns=WHO:.metadata.name,HOW_BIG:.spec.size"
    assert table(kubectl("get", "wd", "-o", columns)) == [["WHO", "HOW_BIG"], ["a", "1"]]


@pytest.mark.verb("get --sort-by")
def test_get_in_an_order(api: Api, kubectl: Kubectl) -> None:
    for name, size in (("a", 3), ("b", 1), ("c", 2)):
        make(api, name, size=size)

    rows = table(kubectl("get", "wd", "--sort-by=.spec.size", "--no-headers"))
    assert [row[0] for row in rows] == ["b", "c", "a"]


@pytest.mark.verb("get -l")
@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("tier=x", ["a"]),
        ("tier!=x", ["b", "c"]),
        ("tier in (x, y)", ["a", "b"]),
        ("tier notin (x)", ["b", "c"]),
        ("tier", ["a", "b"]),
        ("!tier", ["c"]),
    ],
)
def test_get_by_label(api: Api, kubectl: Kubectl, selector: str, names: list[str]) -> None:
    make(api, "a", labels={"tier": "x"})
    make(api, "b", labels={"tier": "y"})
    make(api, "c")

    rows = table(kubectl("get", "wd", "-l", selector, "--no-headers", "-L", "tier"))
    assert [row[0] for row in rows] == names


@pytest.mark.verb("get --field-selector")
def test_get_by_field(api: Api, kubectl: Kubectl) -> None:
    make(api, "a")
    make(api, "b")
    make(api, "c", namespace="other")

    def names(selector: str) -> list[str]:
        rows = table(kubectl("get", "wd", "-A", "--field-selector", selector, "--no-headers"))
        return [row[1] for row in rows]

    assert names("metadata.name=a") == ["a"]
    assert names("metadata.name!=a") == ["b", "c"]
    assert names("metadata.namespace=other") == ["c"]


@pytest.mark.verb("get --chunk-size")
def test_long_lists_come_in_chunks(api: Api, kubectl: Kubectl) -> None:
    for number in range(5):
        make(api, f"w{number}")

    requests = kubectl("get", "wd", "--chunk-size=2", "--no-headers", "-v=6")
    rows = [row for row in table(requests) if row[0].startswith("w")]
    assert [row[0] for row in rows] == ["w0", "w1", "w2", "w3", "w4"]
    assert requests.count("continue=") == 2


@pytest.mark.verb("get -A")
def test_get_of_all_namespaces(api: Api, kubectl: Kubectl) -> None:
    make(api)
    make(api, "b", namespace="other")

    rows = [row[:2] for row in table(kubectl("get", "wd", "-A", "--no-headers"))]
    assert rows == [["default", "a"], ["other", "b"]]
    assert [row[0] for row in table(kubectl("get", "wd", "-n", "other", "--no-headers"))] == ["b"]


@pytest.mark.verb("get -w")
def test_get_and_watch(api: Api, kubectl: Kubectl) -> None:
    make(api)
    process = kubectl.start("get", "wd", "-w")
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("NAME")
        assert process.stdout.readline().startswith("a ")
        be_ready(api)
        assert "all is well" in process.stdout.readline()
        remove(api)
        assert process.stdout.readline().startswith("a ")
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.mark.verb("get -w")
def test_watching_tells_what_happened(api: Api, kubectl: Kubectl) -> None:
    process = kubectl.start("get", "wd", "-w", "--output-watch-events", "--no-headers")
    try:
        assert process.stdout is not None
        make(api)
        assert process.stdout.readline().split()[:2] == ["ADDED", "a"]
        be_ready(api)
        assert process.stdout.readline().split()[:2] == ["MODIFIED", "a"]
        remove(api)
        assert process.stdout.readline().split()[:2] == ["DELETED", "a"]
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.mark.verb("get --raw")
def test_get_of_a_path(api: Api, kubectl: Kubectl) -> None:
    make(api)

    assert kubectl("get", "--raw", "/readyz") == "ok"
    found = kubectl("get", "--raw", "/apis/swarmkeeper.dev/v1alpha1/namespaces/default/widgets/a")
    assert json.loads(found)["kind"] == "Widget"


@pytest.mark.verb("get --subresource")
@pytest.mark.since("1.24")
def test_get_of_a_subresource(api: Api, kubectl: Kubectl) -> None:
    make(api, size=3)

    scale = json.loads(kubectl("get", "wd", "a", "--subresource=scale", "-o", "json"))
    assert (scale["kind"], scale["spec"]) == ("Scale", {"replicas": 3})


@pytest.mark.verb("describe")
def test_describe_shows_fields_and_events(api: Api, kubectl: Kubectl) -> None:
    post_event(api, make(api))

    described = kubectl("describe", "wd", "a")

    assert "Kind:         Widget" in described
    assert "Size:  1" in described
    assert ["Warning", "Shrunk"] in [row[:2] for row in table(described)]


@pytest.mark.verb("get events")
@pytest.mark.parametrize("resource", ["events", "events.events.k8s.io"])
def test_events_are_objects(api: Api, kubectl: Kubectl, resource: str) -> None:
    post_event(api, make(api))

    (heading, row) = table(kubectl("get", resource))

    assert heading == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert row[1:4] == ["Warning", "Shrunk", "widget/a"]


@pytest.mark.verb("events")
@pytest.mark.since("1.26")
@pytest.mark.parametrize("more", [(), ("--for", "widget/a"), ("--types=Warning",)], ids=str)
def test_events_are_listed(api: Api, kubectl: Kubectl, more: tuple[str, ...]) -> None:
    post_event(api, make(api))

    (heading, row) = table(kubectl("events", *more))

    assert heading == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert row[1:4] == ["Warning", "Shrunk", "Widget/a"]


@pytest.mark.verb("events")
@pytest.mark.since("1.26")
def test_events_of_others_are_left_out(api: Api, kubectl: Kubectl) -> None:
    post_event(api, make(api))

    assert "Shrunk" not in kubectl("events", "--for", "widget/b")


@pytest.mark.verb("wait --for=condition")
def test_wait_for_a_condition(api: Api, kubectl: Kubectl) -> None:
    make(api)
    timer = threading.Timer(0.3, be_ready, (api,))
    timer.start()

    assert "condition met" in kubectl("wait", "wd/a", READY, "--timeout=10s")
    timer.join()
    assert "timed out" in kubectl("wait", "wd/a", "--for=condition=Stalled", "--timeout=1s", code=1)


@pytest.mark.verb("wait --for=jsonpath")
@pytest.mark.since("1.23")
def test_wait_for_a_value(api: Api, kubectl: Kubectl) -> None:
    make(api)
    begun = {"status": {"phase": "Begun"}}  # kubectl up to 1.24 gives up where there is no value
    api.resources.patch(ObjectRef("Widget", "a"), begun, actor=PROGRAM, subresource="status")
    timer = threading.Timer(0.3, be_ready, (api,))
    timer.start()

    phase = "--for=jsonpath={.status.phase}=Done"
    assert "condition met" in kubectl("wait", "wd/a", phase, "--timeout=10s")
    timer.join()


@pytest.mark.verb("wait --for=delete")
def test_wait_until_it_is_gone(api: Api, kubectl: Kubectl) -> None:
    make(api)

    with kubectl.start("wait", "wd/a", "--for=delete", "--timeout=20s", "-v=6") as waiting:
        assert waiting.stdout is not None
        said = ""
        while "watch=true" not in said:  # old kubectls fail where nothing is there to wait for
            line = waiting.stdout.readline()
            assert line, said
            said += line
        remove(api)
        assert "condition met" in waiting.stdout.read()


@pytest.mark.verb("wait --for=create")
@pytest.mark.since("1.31")
def test_wait_until_it_is_there(api: Api, kubectl: Kubectl) -> None:
    timer = threading.Timer(0.3, make, (api,))
    timer.start()

    assert "condition met" in kubectl("wait", "wd/a", "--for=create", "--timeout=10s")
    timer.join()
