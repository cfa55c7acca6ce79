"""Healthy by URL: asked, counted, and never taken for granted."""

from __future__ import annotations

from support.service_world import World


def test_a_healthy_url_is_healthy() -> None:
    world = World(health={"url": "http://web/health"})
    world.http.answer("http://web/health")

    world.loop.run()

    assert world.healthy == ("True", "HealthCheckPassed")


def test_a_url_makes_unhealthy_only_after_its_threshold() -> None:
    world = World(health={"url": "http://web/health", "failureThreshold": 3})
    world.http.answer("http://web/health")
    world.loop.run()
    world.http.answer("http://web/health", status=503)

    seen = []
    for _ in range(3):
        world.clock.advance(1)
        seen.append((world.loop.run().recheck is not None, world.healthy))

    assert seen == [
        (True, ("True", "HealthCheckPassed")),
        (True, ("True", "HealthCheckPassed")),
        (False, ("False", "HealthCheckFailed")),
    ]


def test_looks_in_quick_succession_count_once() -> None:
    world = World(health={"url": "http://web/health", "failureThreshold": 2})
    world.http.answer("http://web/health")
    world.loop.run()
    world.http.silence("http://web/health")
    world.clock.advance(1)

    for _ in range(5):
        world.loop.run()

    assert world.healthy == ("True", "HealthCheckPassed")


def test_one_good_answer_makes_healthy_again() -> None:
    world = World(health={"url": "http://web/health", "failureThreshold": 1})
    world.clock.advance(1)
    verification = world.loop.run()
    assert world.healthy == ("False", "HealthCheckFailed")
    assert "connection refused" in verification.conditions[1].message

    world.http.answer("http://web/health")
    world.loop.run()

    assert world.healthy == ("True", "HealthCheckPassed")
    assert "healthCheck" not in world.loop.status


def test_before_the_first_answer_health_is_unknown() -> None:
    world = World(health={"url": "http://web/health"})

    assert world.healthy == ("Unknown", "NotYetAsked")


def test_an_unexpected_status_is_named() -> None:
    world = World(health={"url": "http://web/", "expectedStatus": 204, "failureThreshold": 1})
    world.http.answer("http://web/", status=200)
    world.clock.advance(1)

    verification = world.loop.run()

    assert verification.conditions[1].message == "http://web/: status 200, expected 204"


def test_placeholders_stand_for_each_running_task() -> None:
    world = World(replicas=2, health={"url": "http://{taskAddress}:8080/"})
    world.http.asked.clear()
    tasks = world.swarm.tasks(world.loop.status["serviceId"])
    for task in tasks:
        world.http.answer(f"http://{task.addresses[0]}:8080/")

    world.loop.run()

    assert sorted(set(world.http.asked)) == sorted(f"http://{t.addresses[0]}:8080/" for t in tasks)
    assert world.healthy == ("True", "HealthCheckPassed")


def test_the_node_address_is_asked_once_for_each_node() -> None:
    world = World(replicas=3, health={"url": "http://{nodeAddress}/"})
    nodes = world.swarm.nodes()
    for node in nodes:
        world.http.answer(f"http://{node.address}/")
    world.http.asked.clear()

    world.loop.run()

    assert {f"http://{node.address}/" for node in nodes} == set(world.http.asked)
