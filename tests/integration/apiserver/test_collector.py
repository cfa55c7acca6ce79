"""The garbage collection of a running API: for the server that tidies, and also for what was missed."""

from __future__ import annotations

import threading

from support.api import Api, running_api
from support.operator_process import eventually
from support.widget_objects import make, remove

from desired_state.objects import API_VERSION
from swarmkeeper.apiserver.server import ServerOptions


def make_child(api: Api, name: str, owner: str) -> None:
    uid = make(api, owner)["metadata"]["uid"]
    reference = {"apiVersion": API_VERSION, "kind": "Widget", "name": owner, "uid": uid}
    make(api, name, ownerReferences=[reference])


def names(api: Api) -> list[str]:
    return [each["metadata"]["name"] for each in api.resources.list("Widget")]


def test_only_the_server_that_tidies_collects() -> None:
    acts, asked = threading.Event(), threading.Event()

    def tidies() -> bool:
        asked.set()
        return acts.is_set()

    with running_api(options=ServerOptions(tidies=tidies)) as api:
        make_child(api, "b", owner="a")
        eventually(asked.is_set)
        asked.clear()
        remove(api, "a")
        eventually(asked.is_set)
        assert names(api) == ["b"]

        acts.set()
        make_child(api, "d", owner="c")
        remove(api, "c")
        eventually(lambda: names(api) == [])
