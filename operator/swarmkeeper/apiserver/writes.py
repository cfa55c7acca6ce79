"""POST, PUT, PATCH, DELETE. They run on worker threads, as each waits for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from aiohttp import web

from desired_state.objects import JsonObject
from desired_state.scheme import ScalePaths
from swarmkeeper.apiserver import query, statuses
from swarmkeeper.apiserver.calls import Call, json_body, json_response, object_body
from swarmkeeper.apiserver.configs import APPLY, read_apply
from swarmkeeper.apiserver.events import inward, outward, outward_bytes
from swarmkeeper.apiserver.ownership import Propagation
from swarmkeeper.apiserver.patches import apply_operations, merge
from swarmkeeper.apiserver.problems import bad_request, invalid, unsupported
from swarmkeeper.apiserver.scales import SCALE, scale_of, scaled
from swarmkeeper.apiserver.verbs import Caller, DeleteOptions, Edit, Verbs
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.store.objects import Key, Stored

_T = TypeVar("_T")

MERGE: Final = "application/merge-patch+json"
OPERATIONS: Final = "application/json-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"


class Writes:
    """Answers writes.

    Args:
        verbs: the objects.
        workers: threads that may wait for the store; writes that wait together share a commit.
    """

    def __init__(self, verbs: Verbs, workers: ThreadPoolExecutor) -> None:
        self._verbs = verbs
        self._workers = workers

    async def create(self, call: Call) -> web.Response:
        """Creates an object.

        Raises:
            ApiError: see `Verbs.create`.
        """
        body = inward(call.type, _typed(call, await object_body(call.request)))
        stored = await self._run(
            self._verbs.create, call.rules, call.require_namespace(), body, call.caller()
        )
        return json_response(outward_bytes(call.type, stored), 201)

    async def replace(self, call: Call) -> web.Response:
        """Replaces an object, or its status; the client must say which version it saw.

        Raises:
            ApiError: see `Verbs.update`.
        """
        if call.address.subresource == SCALE:
            scale = await object_body(call.request)
            return await self._scale(call, lambda _: scale)
        body = inward(call.type, _typed(call, await object_body(call.request)))
        metadata = body.get("metadata")
        if isinstance(metadata, dict) and not metadata.get("resourceVersion"):
            cause = ("metadata.resourceVersion", "must be specified for an update")
            raise invalid(call.type, call.key.name, [cause])
        return await self._update(call, lambda _: body)

    async def patch(self, call: Call) -> web.Response:
        """Changes an object, or its status, by a merge patch, a JSON patch or an apply.

        Raises:
            ApiError: 415 for another kind of patch; see `Verbs.update`.
        """
        if call.request.content_type == APPLY:
            return await self._apply(call)
        change = _change(call, call.request.content_type)
        body = await json_body(call.request)
        if call.address.subresource == SCALE:
            return await self._scale(call, lambda scale: change(scale, body))

        def edit(old: JsonObject) -> JsonObject:
            return inward(call.type, change(outward(call.type, old), body))

        return await self._update(call, edit)

    async def _apply(self, call: Call) -> web.Response:
        """Server-side apply: creates an object, or merges fields that a manager wants to own."""
        if call.address.subresource is not None:
            raise unsupported(f"{APPLY} is taken for whole objects alone")
        manager, force = call.query.get("fieldManager", ""), query.flag(call.query, "force")
        raw, caller = await call.request.read(), call.caller()

        def write() -> tuple[Stored, bool]:
            applied = read_apply(raw, call.key.name, manager, force=force)
            config = inward(call.type, _typed(call, applied.config))
            new = self._verbs.store.get(call.key) is None
            if new:
                call.require("create")
            wanted = replace(applied, config=config)
            return self._verbs.apply(call.rules, call.key, wanted, caller), new

        stored, new = await self._run(write)
        return json_response(outward_bytes(call.type, stored), 201 if new else 200)

    async def _scale(self, call: Call, edit: Edit) -> web.Response:
        """Changes the number of replicas, and nothing else of the object."""
        type_, paths = call.type, call.type.scale or ScalePaths()

        def change(old: JsonObject) -> JsonObject:
            return scaled(type_, paths, old, edit(scale_of(paths, old)))

        stored = await self._run(self._verbs.update, type_, call.key, change, call.caller())
        return json_response(scale_of(paths, stored.load()))

    async def _update(self, call: Call, edit: Edit) -> web.Response:
        stored = await self._run(
            self._verbs.update, call.rules, call.key, edit, call.caller(), call.address.subresource
        )
        return json_response(outward_bytes(call.type, stored))

    async def delete(self, call: Call) -> web.Response:
        """Deletes an object; answers with it while finalizers hold it, else with a Status.

        Raises:
            ApiError: see `Verbs.delete`.
        """
        body = await _delete_body(call)
        stored, gone = await self._run(
            self._verbs.delete, call.rules, call.key, call.caller(body), _delete_options(call, body)
        )
        if gone:
            return json_response(statuses.success(call.address, stored.uid))
        return json_response(outward_bytes(call.type, stored))

    async def delete_collection(self, call: Call) -> web.Response:
        """Deletes all objects that the selectors choose; stops at the first refusal.

        Raises:
            ApiError: see `Verbs.delete`.
        """
        body = await _delete_body(call)
        caller = call.caller(body)
        options = DeleteOptions(propagation=_propagation(call, body))
        selector = call.selector()
        items = self._verbs.store.list(call.type.kind, call.namespace).items
        keys = [stored.key for stored in items if selector.select(stored)]
        await self._run(self._delete_all, call, keys, caller, options)
        return json_response(statuses.success(call.address))

    def _delete_all(
        self, call: Call, keys: list[Key], caller: Caller, options: DeleteOptions
    ) -> None:
        for key in keys:
            try:
                self._verbs.delete(call.rules, key, caller, options)
            except ApiError as error:
                if error.code != 404:
                    raise

    async def _run(self, function: Callable[..., _T], *args: Any) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._workers, partial(function, *args))


def _typed(call: Call, body: JsonObject) -> JsonObject:
    """The body with what the address says; clients leave it out at times."""
    given = {"apiVersion": call.type.api_version, "kind": call.type.kind, "metadata": {}}
    for field in ("apiVersion", "kind"):
        if body.get(field, given[field]) != given[field]:
            raise bad_request(f"{field} must be {given[field]}, not {body[field]!r}")
    return given | body


def _change(call: Call, media: str) -> Callable[[JsonObject, Any], JsonObject]:
    if media == OPERATIONS:
        return apply_operations
    if media == MERGE or (media == STRATEGIC and not call.type.custom):
        return _merge
    raise unsupported(
        f"patches of type {media} are not taken: send {MERGE}, {OPERATIONS} or {APPLY}"
    )


def _merge(old: JsonObject, patch: Any) -> JsonObject:
    if not isinstance(patch, dict):
        raise bad_request("a merge patch must be a JSON object")
    merged: JsonObject = merge(old, patch)
    return merged


async def _delete_body(call: Call) -> JsonObject:
    body = await json_body(call.request)
    if body is not None and not isinstance(body, dict):
        raise bad_request("delete options must be a JSON object")
    return body or {}


def _delete_options(call: Call, body: JsonObject) -> DeleteOptions:
    given = body.get("preconditions")
    given = given if isinstance(given, dict) else {}
    propagation = _propagation(call, body)
    return DeleteOptions(given.get("uid"), given.get("resourceVersion"), propagation)


def _propagation(call: Call, body: JsonObject) -> Propagation | None:
    given = body.get("propagationPolicy") or call.query.get("propagationPolicy")
    if given is None and isinstance(body.get("orphanDependents"), bool):  # its older name
        return Propagation.ORPHAN if body["orphanDependents"] else Propagation.BACKGROUND
    if given is not None and given not in list(Propagation):
        known = ", ".join(Propagation)
        raise bad_request(f"propagationPolicy must be one of {known}, not {given!r}")
    return Propagation(given) if given else None
