"""Leads each request to its answer, and makes a Status of everything that goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from aiohttp import web

from swarmkeeper.apiserver import addresses, query, reviews
from swarmkeeper.apiserver.access import Access
from swarmkeeper.apiserver.addresses import Address
from swarmkeeper.apiserver.audit import GONE, Audit, Trace
from swarmkeeper.apiserver.calls import Call, json_response, object_body
from swarmkeeper.apiserver.catalogue import AUDIT_RECORD, DEFINITION, Catalogue, ResourceType
from swarmkeeper.apiserver.documents import HEALTH_PATHS, Documents
from swarmkeeper.apiserver.problems import too_large
from swarmkeeper.apiserver.reads import Reads
from swarmkeeper.apiserver.roles import Identity, Roles
from swarmkeeper.apiserver.scales import SCALE
from swarmkeeper.apiserver.statuses import failure
from swarmkeeper.apiserver.verbs import STATUS
from swarmkeeper.apiserver.watches import Watches
from swarmkeeper.apiserver.writes import Writes
from swarmkeeper.runtime.ports import ApiError

Handler = Callable[[Call], Awaitable[web.StreamResponse]]

_VERBS: Final = {
    "GET": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_WHY_NOT: Final = {
    DEFINITION: ": kinds come with the program",
    AUDIT_RECORD: ": the audit trail is only ever added to, by the operator",
}
_NOT_FOUND: Final = "the server could not find the requested resource"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gate:
    """What every request passes.

    Attributes:
        access: tells who asks.
        audit: records what came of it.
    """

    access: Access
    audit: Audit


class Reader(Protocol):
    """Answers what only looks."""

    async def get(self, call: Call) -> web.StreamResponse:
        """One object."""
        ...

    async def list(self, call: Call) -> web.StreamResponse:
        """Objects of a resource."""
        ...

    async def watch(self, call: Call) -> web.StreamResponse:
        """Changes of a resource, as they come."""
        ...


@dataclass(frozen=True, slots=True)
class Answers:
    """Who answers.

    Attributes:
        reads: GET.
        watches: GET with `watch`.
        writes: POST, PUT, PATCH and DELETE.
        trail: GET of the audit trail, with `watch` or without.
    """

    reads: Reads
    watches: Watches
    writes: Writes
    trail: Reader


class Router:
    """The whole API as one handler.

    Args:
        catalogue: what is served.
        gate: who may ask for what, and who hears of it.
        answers: who answers.
    """

    def __init__(self, catalogue: Catalogue, gate: Gate, answers: Answers) -> None:
        self._catalogue = catalogue
        self._access, self._audit = gate.access, gate.audit
        self._roles = Roles(catalogue)
        self._documents = Documents(catalogue)
        self._answers = answers
        writes = answers.writes
        self._one: dict[str, Handler] = {
            "GET": self._get,
            "PUT": writes.replace,
            "PATCH": writes.patch,
            "DELETE": writes.delete,
        }
        self._many: dict[str, Handler] = {
            "GET": self._list_or_watch,
            "POST": writes.create,
            "DELETE": writes.delete_collection,
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers any request; never raises but for a client that is gone."""
        trace = Trace(address=addresses.parse(request.path))
        code = GONE
        try:
            response = await self._handle(request, trace)
            code = response.status
        finally:
            self._audit.record(trace, code)
        return response

    async def _handle(self, request: web.Request, trace: Trace) -> web.StreamResponse:
        address = trace.address
        try:
            return await self._answer(request, trace)
        except ApiError as error:
            return refusal(error, address)
        except web.HTTPRequestEntityTooLarge:
            return refusal(too_large("the request is too large"), address)
        except RecursionError:
            return refusal(ApiError(400, "BadRequest", "the body is nested too deeply"), address)
        except Exception:
            _log.exception("request failed", extra={"method": request.method, "path": request.path})
            return refusal(
                ApiError(500, "InternalError", "an internal error; see the log"), address
            )

    async def _answer(self, request: web.Request, trace: Trace) -> web.StreamResponse:
        if request.path in HEALTH_PATHS:
            return web.Response(text="ok")
        address = trace.address
        who = self._access.identify(request.headers.get("Authorization"))
        trace.who = who
        if address is None:
            document = self._documents.find(request) if request.method == "GET" else None
            if document is None:
                raise ApiError(404, "NotFound", _NOT_FOUND)
            return document
        review = reviews.find(address)
        if review is not None and request.method == "POST":
            asked = await object_body(request)
            answer = reviews.answer(review, address.version, asked, self._roles, who)
            return json_response(answer, 201)
        return await self._resource(request, address, who, trace)

    async def _resource(
        self, request: web.Request, address: Address, who: Identity, trace: Trace
    ) -> web.StreamResponse:
        type_ = self._catalogue.at(address.group, address.version, address.plural)
        if type_ is None or (address.namespace is not None and not type_.namespaced):
            raise ApiError(404, "NotFound", _NOT_FOUND)
        handlers: Mapping[str, Handler] = self._many if address.name is None else self._one
        if address.subresource is not None:
            handlers = self._subresource(type_, address.subresource)
        handler = handlers.get(request.method)
        verb = _verb(request, address) if handler else ""
        if handler is None or verb not in type_.verbs:
            raise _not_allowed(request.method, type_)
        trace.kind, trace.verb = type_.kind, verb
        require = partial(self._roles.require, who, address)
        require(verb)
        return await handler(Call(request, address, type_, trace, require))

    def _subresource(self, type_: ResourceType, name: str) -> Mapping[str, Handler]:
        served = {STATUS: type_.has_status, SCALE: type_.scale is not None}
        if not served.get(name, False):
            raise ApiError(404, "NotFound", _NOT_FOUND)
        return {method: h for method, h in self._one.items() if method != "DELETE"}

    async def _get(self, call: Call) -> web.StreamResponse:
        source = self._answers.trail if call.type is AUDIT_RECORD else self._answers.reads
        return await source.get(call)

    async def _list_or_watch(self, call: Call) -> web.StreamResponse:
        trail = self._answers.trail if call.type is AUDIT_RECORD else None
        if query.flag(call.query, "watch"):
            request = call.request
            with self._access.session(request.headers.get("Authorization"), partial(_cut, request)):
                return await (trail or self._answers.watches).watch(call)
        return await (trail or self._answers.reads).list(call)


def _verb(request: web.Request, address: Address) -> str:
    """What a request does, in the words of Kubernetes' rules."""
    if request.method == "GET" and address.name is None:
        return "watch" if query.flag(request.query, "watch") else "list"
    if request.method == "DELETE" and address.name is None:
        return "deletecollection"
    return _VERBS[request.method]


def _not_allowed(method: str, type_: ResourceType) -> ApiError:
    why = _WHY_NOT.get(type_, "")
    message = f"{method} is not supported on {type_.resource}{why}"
    return ApiError(405, "MethodNotAllowed", message)


def _cut(request: web.Request) -> None:
    """Ends a watch whose token is no longer known."""
    if request.transport is not None:
        request.transport.abort()


def refusal(error: ApiError, address: Address | None = None) -> web.Response:
    """The Status of an error as the answer."""
    response = json_response(failure(error, address), error.code)
    if error.code == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="swarmkeeper"'
    return response
