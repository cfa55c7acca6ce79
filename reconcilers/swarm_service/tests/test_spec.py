"""What people may write, and what they are told when it is wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from desired_state.objects import ObjectRef
from reconcilers.swarm_service import RECONCILER
from reconcilers.swarm_service.advice import advice
from reconcilers.swarm_service.spec import SwarmServiceSpec


def spec(**declared: Any) -> SwarmServiceSpec:
    return SwarmServiceSpec.model_validate(declared)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"replicas": -1}, "greater than or equal to 0"),
        ({"replicas": "3"}, "valid integer"),
        ({"serviceMode": "global", "replicas": 1}, "a global service has one task a node"),
        ({"env": {"PORT": 8080}}, 'must be a string: write it in quotes, "8080"'),
        ({"env": {"A=B": "x"}}, "pattern"),
        ({"image": "two words"}, "pattern"),
        ({"labels": {"swarmkeeper.dev/object": "x"}}, "are kept by the operator"),
        ({"containerLabels": {"swarmkeeper.dev/x": "x"}}, "are kept by the operator"),
        ({"stack": "s", "labels": {"com.docker.stack.namespace": "t"}}, "say it once"),
        ({"stopGracePeriod": "soon"}, "is not a duration"),
        ({"resources": {"limits": {"memory": "lots"}}}, "is not an amount of memory"),
        ({"health": {"url": "web/health"}}, "must begin with http:// or https://"),
        ({"health": {"url": []}}, "at least 1 item"),
        ({"update": {"maxFailureRatio": 2}}, "less than or equal to 1"),
        ({"rollback": {"failureAction": "rollback"}}, "'pause' or 'continue'"),
        ({"mounts": [{"target": "data"}]}, "pattern"),
        ({"ports": [{"target": 0}]}, "greater than or equal to 1"),
        (
            {"ports": [{"target": 1, "published": 80}, {"target": 2, "published": 80}]},
            "80/tcp is declared twice",
        ),
        ({"ports": [{"target": 53}, {"target": 53}]}, r"53/tcp \(unpublished\) is declared twice"),
        ({"mounts": [{"target": "/a"}, {"target": "/a", "source": "x"}]}, "/a is declared twice"),
        ({"networks": ["a", {"name": "a"}]}, "a is declared twice"),
        (
            {"secrets": [{"name": "a", "target": "pw"}, {"name": "b", "target": "pw"}]},
            "pw is declared twice",
        ),
        ({"configs": [{"name": "a"}, {"name": "a"}]}, "/a is declared twice"),
        ({"placement": {"constraints": ["a==b", "a==b"]}}, "a==b is declared twice"),
        ({"replica": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_refused_with_a_message_that_helps(
    declared: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**declared)


def test_the_same_port_may_be_published_for_two_protocols() -> None:
    ports = [{"target": 53, "published": 53, "protocol": p} for p in ("tcp", "udp")]

    assert len(spec(ports=ports).ports or ()) == 2


def test_one_url_may_be_written_without_a_list() -> None:
    assert spec(health={"url": "http://a/"}) == spec(health={"url": ["http://a/"]})


def test_nothing_at_all_may_be_declared() -> None:
    assert spec().image is None


@pytest.mark.parametrize(
    ("declared", "signal"),
    [
        ({}, "service/web"),
        ({"stack": "shop"}, "service/shop_web"),
        ({"stack": "shop", "serviceName": "Web.1"}, "service/Web.1"),
    ],
)
def test_events_of_the_service_and_of_nodes_cause_a_look(
    declared: dict[str, Any], signal: str
) -> None:
    ref = ObjectRef("SwarmService", "web")

    assert RECONCILER.signals(ref, spec(**declared)) == {signal, "node"}


GOOD: dict[str, Any] = {"image": "a", "update": {"failureAction": "rollback", "monitor": "2m"}}


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (
            {"update": {"order": "start-first"}, "ports": [{"target": 80, "mode": "host"}]},
            "start-first with a host port",
        ),
        (
            {"update": {"order": "start-first"}, "placement": {"maxReplicasPerNode": 1}},
            "maxReplicasPerNode",
        ),
        ({"update": {"delay": "10s", "monitor": "10s"}}, "is not shorter than update.monitor 10s"),
        ({"healthCheck": {"command": "true"}}, r"monitor 5s is shorter .* \(1m30s\)"),
        ({"image": "a"}, "update.failureAction is pause"),
    ],
)
def test_what_will_hurt_is_advised_against(declared: dict[str, Any], words: str) -> None:
    (said,) = advice(spec(**declared))

    assert re.search(words, said)


def test_a_careful_declaration_needs_no_advice() -> None:
    assert advice(spec(**GOOD, healthCheck={"command": "true"})) == ()
