"""Paths of the API."""

from __future__ import annotations

from swarmkeeper.apiserver.addresses import Address, parse


def test_addresses() -> None:
    group = "swarmkeeper.dev"
    cases = {
        "/api/v1/namespaces": Address("", "v1", "namespaces"),
        "/api/v1/namespaces/a": Address("", "v1", "namespaces", name="a"),
        "/api/v1/namespaces/a/status": Address("", "v1", "namespaces", None, "a", "status"),
        "/api/v1/namespaces/a/events": Address("", "v1", "events", "a"),
        "/api/v1/events/": Address("", "v1", "events"),
        f"/apis/{group}/v1/widgets": Address(group, "v1", "widgets"),
        f"/apis/{group}/v1/namespaces/a/widgets/b/status": Address(
            group, "v1", "widgets", "a", "b", "status"
        ),
        "/apis": None,
        "/api/v1": None,
        f"/apis/{group}/v1": None,
        f"/apis/{group}/v1/namespaces/a/widgets/b/status/x": None,
        "/api/v1//x": None,
        "/elsewhere/v1/x": None,
    }
    assert {path: parse(path) for path in cases} == cases
