"""Field ownership: what is declared becomes true, and nothing else changes."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from desired_state.objects import JsonObject
from reconcilers.swarm_service.declared import References, declared_fields
from reconcilers.swarm_service.fields import Field, apply, differing
from reconcilers.swarm_service.spec import SwarmServiceSpec

NAMES = ("alpha", "beta", "gamma", "delta")
IDS = References(*({n: f"{kind}-{n}" for n in NAMES} for kind in ("net", "sec", "con")))
NOTHING = References()

names = st.sampled_from(NAMES)
words = st.text("abcz09-=/ ", max_size=6)
durations = st.sampled_from(["0", "500ms", "5s", "10s", "1m30s"])
counts = st.integers(0, 4)
order = st.sampled_from(["stop-first", "start-first"])


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any subset of the fields: what is left out is not declared."""
    return st.fixed_dictionaries({}, optional=fields)


def unique(entries: st.SearchStrategy[Any], *keys: str) -> st.SearchStrategy[list[Any]]:
    by = tuple((lambda entry, key=key: entry.get(key, "")) for key in keys)
    return st.lists(entries, max_size=3, unique_by=by)


policies = maybe(
    parallelism=counts,
    delay=durations,
    order=order,
    failureAction=st.sampled_from(["pause", "continue"]),
    monitor=durations,
    maxFailureRatio=st.sampled_from([0, 0.1, 0.25, 1]),
)
amounts = maybe(cpus=st.sampled_from(["250m", "2"]), memory=st.sampled_from(["64Mi", "1G", 1000]))
ports = st.fixed_dictionaries(
    {"target": st.integers(1, 3), "published": st.integers(1, 4)},
    optional={
        "protocol": st.sampled_from(["tcp", "udp"]),
        "mode": st.sampled_from(["host", "ingress"]),
    },
)
mounts = st.fixed_dictionaries(
    {"target": names.map(lambda n: f"/{n}")},
    optional={
        "source": names,
        "type": st.sampled_from(["bind", "volume", "tmpfs"]),
        "readOnly": st.booleans(),
    },
)
files = st.fixed_dictionaries(
    {"name": names},
    optional={"target": names, "uid": st.sampled_from(["0", "33"]), "mode": st.just(0o440)},
)
networks = names | st.fixed_dictionaries({"name": names, "aliases": st.lists(names, max_size=2)})
values = st.dictionaries(names, st.none() | words, max_size=3)


def _named(entry: Any) -> str:
    return entry if isinstance(entry, str) else str(entry["name"])


declarations = maybe(
    replicas=counts,
    stack=names,
    image=st.sampled_from(["app", "app:1", "app:2", "docker.io/library/app:1@sha256:ab"]),
    command=st.lists(words, max_size=2),
    args=st.lists(words, max_size=2),
    env=values,
    labels=values,
    containerLabels=values,
    networks=st.lists(networks, max_size=3, unique_by=_named),
    ports=unique(ports, "published"),
    mounts=unique(mounts, "target"),
    configs=st.lists(files, max_size=3, unique_by=lambda f: f.get("target") or f["name"]),
    secrets=st.lists(files, max_size=3, unique_by=lambda f: f.get("target") or f["name"]),
    endpointMode=st.sampled_from(["vip", "dnsrr"]),
    init=st.booleans(),
    user=words,
    stopGracePeriod=durations,
    healthCheck=maybe(
        command=words | st.lists(words, max_size=2),
        interval=durations,
        retries=st.integers(1, 4),
        startPeriod=durations,
    ),
    update=policies,
    rollback=policies,
    restartPolicy=maybe(
        condition=st.sampled_from(["none", "any"]),
        delay=durations,
        maxAttempts=counts,
        window=durations,
    ),
    resources=maybe(limits=amounts, reservations=amounts),
    placement=maybe(
        constraints=st.lists(
            st.sampled_from(["node.role == worker", "node.labels.a!=b", "node.id==x"]),
            unique=True,
        ),
        maxReplicasPerNode=counts,
    ),
)


def specs(declared: dict[str, Any]) -> SwarmServiceSpec:
    return SwarmServiceSpec.model_validate(declared)


def fields_of(declared: dict[str, Any]) -> tuple[Field, ...]:
    return declared_fields(specs(declared), declared, IDS)


def _foreign(extra: dict[str, Any], live: JsonObject) -> JsonObject:
    """A live spec with things in it that no field of ours knows."""
    live["Extra"] = extra
    template = live.setdefault("TaskTemplate", {})
    template["LogDriver"] = {"Name": "json-file", "Options": extra}
    template.setdefault("ContainerSpec", {})["Hosts"] = ["10.0.0.1 a"]
    return live


BARE: JsonObject = {"Name": "web", "Mode": {"Replicated": {}}, "TaskTemplate": {}}
live_specs = st.builds(
    lambda declared, extra: _foreign(extra, apply(fields_of(declared), BARE)),
    declarations,
    values,
)


@settings(max_examples=300, deadline=None)
@given(declared=declarations, live=live_specs)
def test_after_apply_nothing_differs_and_applying_again_changes_nothing(
    declared: dict[str, Any], live: JsonObject
) -> None:
    fields = fields_of(declared)

    once = apply(fields, live)

    assert [f.path for f in differing(fields, once)] == []
    assert apply(fields, once) == once


@settings(max_examples=300, deadline=None)
@given(declared=declarations, live=live_specs, others=declarations)
def test_what_is_not_declared_reads_as_before(
    declared: dict[str, Any], live: JsonObject, others: dict[str, Any]
) -> None:
    fields = fields_of(declared)
    owned = {field.path for field in fields}
    stack_label = "spec.stack" in owned
    foreign = [f for f in fields_of(others) if f.path not in owned and not stack_label]

    after = apply(fields, live)

    assert [f.read(after) for f in foreign] == [f.read(live) for f in foreign]
    for untouched in ("Name", "Extra"):
        assert after[untouched] == live[untouched]
    assert after["TaskTemplate"]["LogDriver"] == live["TaskTemplate"]["LogDriver"]
    assert after["TaskTemplate"]["ContainerSpec"]["Hosts"] == ["10.0.0.1 a"]


@settings(max_examples=200, deadline=None)
@given(declared=declarations, live=live_specs)
def test_apply_leaves_the_live_spec_itself_alone(
    declared: dict[str, Any], live: JsonObject
) -> None:
    before = copy.deepcopy(live)

    apply(fields_of(declared), live)

    assert live == before


@settings(max_examples=200, deadline=None)
@given(live=live_specs)
def test_an_object_that_declares_nothing_changes_nothing(live: JsonObject) -> None:
    assert apply(fields_of({}), live) == live


@settings(max_examples=200, deadline=None)
@given(declared=declarations)
def test_a_correct_service_is_not_rewritten_byte_for_byte(declared: dict[str, Any]) -> None:
    live = _foreign({}, apply(fields_of(declared), BARE))

    assert repr(apply(fields_of(declared), live)) == repr(live)
