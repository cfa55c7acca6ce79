"""One request about a resource, read: who asks what about which objects, and in which form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import protobuf, query, selectors
from swarmkeeper.apiserver.addresses import Address
from swarmkeeper.apiserver.audit import Trace
from swarmkeeper.apiserver.catalogue import ResourceType
from swarmkeeper.apiserver.events import stored_type
from swarmkeeper.apiserver.problems import bad_request, unsupported
from swarmkeeper.apiserver.protobuf import PROTOBUF
from swarmkeeper.apiserver.selectors import Selector
from swarmkeeper.apiserver.verbs import Caller
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.store.objects import Key

JSON: Final = "application/json"
_MAX_MANAGER: Final = 128  # characters, as in Kubernetes
_ACCEPTED: Final = ("", JSON, "application/*", "*/*")


@dataclass(frozen=True, slots=True)
class Call:
    """A request about a resource.

    Attributes:
        request: as it came.
        address: what it is about.
        type: the resource that was asked for.
        trace: who asks, and what came of it.
        require: refuses (403) a verb that the role of who asks does not have.
    """

    request: web.Request
    address: Address
    type: ResourceType
    trace: Trace
    require: Callable[[str], None]

    @property
    def rules(self) -> ResourceType:
        """The resource under whose rules the objects are stored."""
        return stored_type(self.type)

    @property
    def query(self) -> Mapping[str, str]:
        """Parameters of the request."""
        return self.request.query

    @property
    def namespace(self) -> str | None:
        """The namespace to look in; None for all, or where the resource has none."""
        return self.address.namespace if self.type.namespaced else None

    @property
    def key(self) -> Key:
        """The one object that the request names.

        Raises:
            ApiError: 400, it names no namespace, though there are several.
        """
        return Key(self.type.kind, self.require_namespace(), self.address.name or "")

    def require_namespace(self) -> str:
        """The namespace to write to; empty where the resource has none.

        Raises:
            ApiError: 400, the request names none.
        """
        if not self.type.namespaced:
            return ""
        if self.address.namespace is None:
            raise bad_request("an empty namespace may not be set when a resource name is given")
        return self.address.namespace

    def caller(self, body: JsonObject | None = None) -> Caller:
        """Who asks, and whether only for a try.

        Raises:
            ApiError: 400, `dryRun` is something else than All.
        """
        trace = self.trace
        actor = trace.who.actor if trace.who else ""
        agent = self.request.headers.get("User-Agent", "").partition("/")[0].strip()
        manager = self.query.get("fieldManager") or agent[:_MAX_MANAGER]
        dry_run = query.dry_run(self.query, body)
        return Caller(actor, dry_run=dry_run, manager=manager, wrote=trace.wrote)

    def selector(self) -> Selector:
        """The label and field selectors.

        Raises:
            ApiError: 400, they can't be read.
        """
        return selectors.parse(
            self.type, self.query.get("labelSelector", ""), self.query.get("fieldSelector", "")
        )

    def table(self) -> str | None:
        """What the rows of a table are to include, or None where no table is wanted.

        Raises:
            ApiError: 406, the client takes neither JSON nor a table.
        """
        wanted = [_media(part) for part in self.request.headers.get("Accept", "").split(",")]
        for media, parameters in wanted:
            if media == JSON and parameters.get("as") == "Table" and parameters.get("v") == "v1":
                return self.query.get("includeObject") or "Metadata"
        if not any(media in _ACCEPTED for media, _ in wanted):
            raise ApiError(406, "NotAcceptable", f"only {JSON} is served")
        return None


async def json_body(request: web.Request) -> Any:
    """The decoded body, or None where there is none.

    Raises:
        ApiError: 400 for what is no JSON, 415 for another type of content.
    """
    raw = await request.read()
    if not raw:
        return None
    media = request.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
    if media == PROTOBUF:
        return protobuf.decode(raw)
    if not media.endswith("json"):
        raise unsupported(
            f"the body of the request was in an unknown format, {media} - accepted media types "
            f"include: {JSON}"
        )
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is no JSON: {error}") from None


async def object_body(request: web.Request) -> JsonObject:
    """The decoded body, which must be an object.

    Raises:
        ApiError: 400 or 415.
    """
    body = await json_body(request)
    if not isinstance(body, dict):
        raise bad_request("the body must be a JSON object")
    return body


def json_response(document: Any, status: int = 200) -> web.Response:
    """A document as the answer; bytes are taken as serialised already."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return web.Response(body=body, status=status, content_type=JSON)


def _media(part: str) -> tuple[str, dict[str, str]]:
    media, *parameters = (piece.strip() for piece in part.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    return media.lower(), {name: value for name, _, value in pairs}
