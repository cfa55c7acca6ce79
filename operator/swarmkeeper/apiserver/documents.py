"""Answers that are about the API itself: discovery, OpenAPI, version, health."""

from __future__ import annotations

import platform
from typing import Final

from aiohttp import web

import swarmkeeper
from desired_state.objects import JsonObject
from swarmkeeper.apiserver.calls import json_response
from swarmkeeper.apiserver.catalogue import Catalogue
from swarmkeeper.apiserver.discovery import AGGREGATED, Discovery
from swarmkeeper.apiserver.openapi import V2_PROTOBUF, V2_PROTOBUF_ANSWER, OpenApi

_MINOR: Final = "32"  # of the Kubernetes API that this one is like
HEALTH_PATHS: Final = ("/healthz", "/livez", "/readyz")


class Documents:
    """Answers questions about the API.

    Args:
        catalogue: what is served.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._discovery = Discovery(catalogue)
        self._openapi = OpenApi(catalogue, swarmkeeper.__version__)

    def find(self, request: web.Request) -> web.Response | None:
        """The answer to a path, or None where no document is there."""
        path = request.path.rstrip("/")
        if path in HEALTH_PATHS:
            return web.Response(text="ok")
        if path == "/version":
            return json_response(_version())
        if path.startswith("/openapi/"):
            return self._openapi_answer(path, request.headers.get("Accept", ""))
        return self._discovery_answer(path, request.headers.get("Accept", ""))

    def _openapi_answer(self, path: str, accept: str) -> web.Response | None:
        if path == "/openapi/v2":
            if V2_PROTOBUF in accept and "application/json" not in accept:
                return web.Response(
                    body=self._openapi.v2_protobuf, headers={"Content-Type": V2_PROTOBUF_ANSWER}
                )
            return json_response(self._openapi.v2)
        if path == "/openapi/v3":
            return json_response(self._openapi.v3_index())
        document = self._openapi.v3(path.removeprefix("/openapi/v3/"))
        return json_response(document) if document is not None else None

    def _discovery_answer(self, path: str, accept: str) -> web.Response | None:
        parts = path.strip("/").split("/")
        if path in ("/api", "/apis"):
            return self._groups(accept, core=path == "/api")
        document = None
        if parts[0] == "api" and len(parts) == 2:
            document = self._discovery.resources("", parts[1])
        elif parts[0] == "apis" and len(parts) == 2:
            document = self._discovery.group(parts[1])
        elif parts[0] == "apis" and len(parts) == 3:
            document = self._discovery.resources(parts[1], parts[2])
        return json_response(document) if document is not None else None

    def _groups(self, accept: str, *, core: bool) -> web.Response:
        for version in ("v2", "v2beta1"):
            if f"g=apidiscovery.k8s.io;v={version};" in f"{accept.replace(',', ';')};":
                document = self._discovery.aggregated(core=core, version=version)
                response = json_response(document)
                response.headers["Content-Type"] = AGGREGATED.format(version=version)
                return response
        return json_response(self._discovery.core if core else self._discovery.groups)


def _version() -> JsonObject:
    """See https://pkg.go.dev/k8s.io/apimachinery/pkg/version#Info."""
    return {
        "major": "1",
        "minor": _MINOR,
        "gitVersion": f"v1.{_MINOR}.0+swarmkeeper.{swarmkeeper.__version__}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": platform.python_implementation(),
        "platform": f"{platform.system().lower()}/{platform.machine()}",
    }
