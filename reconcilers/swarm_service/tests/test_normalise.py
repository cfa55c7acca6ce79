"""Spellings and defaults of Swarm that are no drift."""

from __future__ import annotations

from typing import Any

import pytest

from desired_state.objects import JsonObject
from reconcilers.swarm_service.declared import References, declared_fields
from reconcilers.swarm_service.fields import apply, differing
from reconcilers.swarm_service.normalise import (
    constraint,
    image_name,
    show_arguments,
    show_bytes,
    show_cpus,
    show_duration,
    show_setting,
)
from reconcilers.swarm_service.settings import mode_of, replicas_of
from reconcilers.swarm_service.spec import SwarmServiceSpec


def drift(declared: dict[str, Any], live: JsonObject) -> list[str]:
    spec = SwarmServiceSpec.model_validate(declared)
    return [f.path for f in differing(declared_fields(spec, declared, References()), live)]


def container(**fields: Any) -> JsonObject:
    return {"TaskTemplate": {"ContainerSpec": fields}}


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        ({"serviceMode": "replicated", "replicas": 1}, {"Mode": {}}),
        ({"replicas": 1}, {}),
        ({"replicas": 1}, {"Mode": {"Replicated": {}}}),
        ({"image": "redis"}, container(Image="docker.io/library/redis:latest@sha256:ab")),
        ({"stopGracePeriod": "10s"}, container()),
        ({"args": []}, container(Args=None)),
        ({"user": ""}, container()),
        ({"env": {"A": None}}, container()),
        ({"endpointMode": "vip"}, {}),
        ({"ports": []}, {"EndpointSpec": {"Mode": "vip"}}),
        (
            {"ports": [{"target": 80, "published": 8080}]},
            {"EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": 8080}]}},
        ),
        ({"update": {"parallelism": 1, "order": "stop-first", "failureAction": "pause"}}, {}),
        ({"update": {"monitor": "5s"}}, {"UpdateConfig": {"Parallelism": 1, "Monitor": 0}}),
        ({"update": {"monitor": "0s"}}, {"UpdateConfig": {"Parallelism": 1}}),
        ({"update": {"parallelism": 0}}, {"UpdateConfig": {"Order": "stop-first"}}),
        ({"restartPolicy": {"condition": "any", "delay": "5s", "maxAttempts": 0}}, {}),
        (
            {"placement": {"constraints": ["node.role == worker", "a!=b"]}},
            {"TaskTemplate": {"Placement": {"Constraints": ["a != b", "node.role==worker"]}}},
        ),
        (
            {"resources": {"limits": {"cpus": 0.5, "memory": "1Gi"}}},
            {"TaskTemplate": {"Resources": {"Limits": {"NanoCPUs": 5 * 10**8, "MemoryBytes": 2**30}}}},
        ),
        (
            {"mounts": [{"target": "/d", "source": "d"}]},
            container(Mounts=[{"Type": "volume", "Source": "d", "Target": "/d", "VolumeOptions": {}}]),
        ),
        (
            {"secrets": [{"name": "pw"}]},
            container(Secrets=[{"SecretName": "pw", "File": {"Name": "pw", "Mode": 292}}]),
        ),
        (
            {"configs": [{"name": "c", "target": "/c"}]},
            container(Configs=[{"ConfigName": "c", "File": {"Name": "c"}}]),
        ),
        (
            {"healthCheck": {"command": ["curl", "x"], "interval": "5s"}},
            container(Healthcheck={"Test": ["CMD", "curl", "x"], "Interval": 5 * 10**9}),
        ),
    ],
)  # fmt: skip
def test_the_same_in_other_words_is_no_drift(declared: dict[str, Any], live: JsonObject) -> None:
    assert drift(declared, live) == []


@pytest.mark.parametrize(
    ("declared", "live", "path"),
    [
        ({"init": False}, container(), "spec.init"),
        ({"update": {"parallelism": 1}}, {"UpdateConfig": {}}, "spec.update.parallelism"),
        ({"ports": []}, {"EndpointSpec": {"Ports": [{"TargetPort": 1}]}}, "spec.ports"),
        ({"env": {"A": ""}}, container(), "spec.env.A"),
        ({"image": "app:1"}, container(Image="other/app:1"), "spec.image"),
        ({"replicas": 1}, {"Mode": {"Global": {}}}, "spec.replicas"),
        (
            {"mounts": [{"target": "/d", "source": "d", "readOnly": True}]},
            container(Mounts=[{"Type": "volume", "Source": "d", "Target": "/d"}]),
            "spec.mounts",
        ),
    ],
)
def test_something_else_is_drift(declared: dict[str, Any], live: JsonObject, path: str) -> None:
    assert drift(declared, live) == [path]


def test_an_entry_keeps_the_options_that_nobody_declared() -> None:
    declared = {"mounts": [{"target": "/d", "source": "d", "readOnly": True}]}
    options = {"DriverConfig": {"Name": "nfs"}}
    mount = {"Type": "volume", "Source": "d", "Target": "/d", "VolumeOptions": options}
    spec = SwarmServiceSpec.model_validate(declared)

    after = apply(declared_fields(spec, declared, References()), container(Mounts=[mount]))

    assert after["TaskTemplate"]["ContainerSpec"]["Mounts"] == [{**mount, "ReadOnly": True}]


def test_a_new_policy_still_replaces_one_task_at_a_time() -> None:
    declared = {"update": {"order": "start-first"}}
    spec = SwarmServiceSpec.model_validate(declared)

    after = apply(declared_fields(spec, declared, References()), {})

    assert after["UpdateConfig"] == {"Parallelism": 1, "Order": "start-first"}


@pytest.mark.parametrize(
    ("image", "digest", "name"),
    [
        ("redis", False, "redis:latest"),
        ("docker.io/library/redis:7@sha256:ab", False, "redis:7"),
        ("registry:5000/app", False, "registry:5000/app:latest"),
        ("redis@sha256:ab", True, "redis@sha256:ab"),
        ("index.docker.io/me/app:1", False, "me/app:1"),
    ],
)
def test_images_have_one_spelling(image: str, digest: bool, name: str) -> None:
    assert image_name(image, digest=digest) == name


@pytest.mark.parametrize(
    ("mode", "name", "replicas"),
    [
        ({"Replicated": {"Replicas": 3}}, "replicated", 3),
        ({"Global": {}}, "global", "<absent>"),
        ({"ReplicatedJob": {"TotalCompletions": 1}}, "replicated-job", "<absent>"),
        ({"GlobalJob": {}}, "global-job", "<absent>"),
        (None, "replicated", 1),
    ],
)
def test_modes_are_told_apart(mode: Any, name: str, replicas: Any) -> None:
    assert (mode_of({"Mode": mode}), replicas_of({"Mode": mode})) == (name, replicas)


def test_values_are_shown_as_people_write_them() -> None:
    assert show_duration(90 * 10**9) == "1m30s"
    assert show_duration(1500) == 1500
    assert show_cpus(250 * 10**6) == "250m"
    assert show_bytes(512 * 2**20) == "512Mi"
    assert show_bytes(1000) == 1000
    assert constraint(" node.role  ==  worker ") == "node.role==worker"


def test_secrets_are_hidden_wherever_they_stand() -> None:
    assert show_setting("LOG_LEVEL", "info") == "info"
    assert "hunter2" not in show_setting("DB_PASSWORD", "hunter2")
    assert "hunter2" not in show_setting("DB", "postgres://app:hunter2@db/app")
    hidden = show_arguments(["serve", "--token=hunter2", "--password", "hunter2", "-v", "x"])
    assert "hunter2" not in repr(hidden)
    assert hidden[0] == "serve"
    assert hidden[-2:] == ["-v", "x"]
