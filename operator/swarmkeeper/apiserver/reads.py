"""GET: one object, or a list of them, as JSON or as a table. Never waits for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import orjson
from aiohttp import web

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import query
from swarmkeeper.apiserver.calls import Call, json_response
from swarmkeeper.apiserver.events import outward_bytes, outward_values
from swarmkeeper.apiserver.problems import expired
from swarmkeeper.apiserver.scales import SCALE, scale_of
from swarmkeeper.apiserver.tables import TableStyle, table
from swarmkeeper.apiserver.verbs import Verbs
from swarmkeeper.store.objects import Stored

_LARGE: Final = 500  # rows; a larger table is made beside the event loop


class Reads:
    """Answers reads.

    Args:
        verbs: the objects.
    """

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs
        self._store = verbs.store

    async def get(self, call: Call) -> web.Response:
        """One object.

        Raises:
            ApiError: 404.
        """
        stored = self._verbs.require(call.rules, call.key)
        if call.address.subresource == SCALE and call.type.scale:
            return json_response(scale_of(call.type.scale, stored.load()))
        include = call.table()
        if include is None:
            return json_response(outward_bytes(call.type, stored))
        return await as_table(call, include, [stored], list_metadata(stored.revision))

    async def list(self, call: Call) -> web.Response:
        """Objects of a resource, in order of namespace and name; in parts, if the client asks so.

        Raises:
            ApiError: 400 for parameters that can't be read, 410 where the first part is too old.
        """
        listing = self._store.list(call.type.kind, call.namespace)
        selector = call.selector()
        limit = query.number(call.query, "limit")
        revision, items = listing.revision, listing.items
        if call.query.get("continue"):
            revision, items = self._rest(call.query["continue"], items)
        elif call.query.get("resourceVersionMatch") == "Exact":
            self._check_exact(call, revision)
        if selector:
            wanted = (stored for stored in items if selector.select(stored))
            items = list(islice(wanted, limit + 1) if limit else wanted)
        metadata = list_metadata(revision)
        if limit and len(items) > limit:
            if not selector:
                metadata["remainingItemCount"] = len(items) - limit
            items = items[:limit]
            last = items[-1].key
            metadata["continue"] = query.encode_continue(revision, last.namespace, last.name)
        include = call.table()
        if include is None:
            return json_response(joined(call, items, metadata))
        return await as_table(call, include, items, metadata)

    def _rest(self, token: str, items: Sequence[Stored]) -> tuple[int, Sequence[Stored]]:
        """What follows the last part.

        It is as of now, but keeps the revision of the first part: a watch from there replays what
        has changed in between, so the client ends up with the current state all the same.
        """
        revision, namespace, name = query.decode_continue(token)
        if not self._store.compacted <= revision <= self._store.revision:
            raise expired("The provided continue parameter is too old: list again from the start")
        return revision, [s for s in items if s.key[1:] > (namespace, name)]

    def _check_exact(self, call: Call, revision: int) -> None:
        if query.number(call.query, "resourceVersion") != revision:
            raise expired("only the newest resourceVersion can be listed exactly")


def list_metadata(revision: int) -> JsonObject:
    """Metadata of a list as of a revision."""
    return {"resourceVersion": str(revision)}


def joined(call: Call, items: Sequence[Stored], metadata: JsonObject) -> bytes:
    """The list, made of the stored bytes: nothing is decoded or encoded again."""
    head = orjson.dumps(
        {"kind": f"{call.type.kind}List", "apiVersion": call.type.api_version, "metadata": metadata}
    )
    body = b",".join(outward_values(call.type, items))
    return b"".join((head[:-1], b',"items":[', body, b"]}\n"))


async def as_table(
    call: Call, include: str, items: Sequence[Stored], metadata: JsonObject
) -> web.Response:
    """Objects as a table; a large one is made beside the event loop.

    Args:
        call: what the client asked for.
        include: what each row carries beside its cells.
        items: the objects.
        metadata: metadata of the list.
    """

    def make() -> bytes:
        style = TableStyle(include, datetime.now(UTC))
        return orjson.dumps(table(call.type, items, style, metadata))

    return json_response(await asyncio.to_thread(make) if len(items) > _LARGE else make())
