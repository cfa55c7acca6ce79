"""Who may do what over HTTP, what is recorded of it, and which certificate is shown."""

from __future__ import annotations

import json
import logging
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from support.api import Api, running_api
from support.kubectl import Kubectl
from support.widgets import widget

from desired_state.objects import ObjectRef
from swarmkeeper.apiserver.certificates import ServerCertificate
from swarmkeeper.apiserver.kubeconfig import write_kubeconfig
from swarmkeeper.apiserver.origin import PROGRAM
from swarmkeeper.apiserver.roles import Role
from swarmkeeper.apiserver.server import ServerOptions
from swarmkeeper.apiserver.tokens import TokenFolder

pytestmark = pytest.mark.integration

GROUP = "/apis/swarmkeeper.dev/v1alpha1"
WIDGETS = f"{GROUP}/namespaces/default/widgets"
A = f"{WIDGETS}/a"
MERGE = "application/merge-patch+json"
NAMED = "swarm.example.org"


async def metrics(_: web.Request) -> web.Response:
    return web.Response(text="series")


class Stage:
    """An API with issued tokens and two certificates."""

    def __init__(self, api: Api, folder: TokenFolder, registry: CollectorRegistry) -> None:
        self.api = api
        self.folder = folder
        self.registry = registry
        self.tokens = {
            role: folder.create(f"the-{role}", role)
            for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
        }

    def ask(self, role: Role, method: str, path: str, body: Any = None, **more: Any) -> Any:
        return self.api.ask(method, path, body, token=self.tokens[role], **more)

    def count(self, **labels: str) -> float:
        return self.registry.get_sample_value("swarmkeeper_api_requests_total", labels) or 0.0


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    return ServerCertificate.in_folder(tmp_path_factory.mktemp("named"), [NAMED])


@pytest.fixture
def stage(tmp_path: Path, named: ServerCertificate) -> Iterator[Stage]:
    folder, registry = TokenFolder(tmp_path / "tokens"), CollectorRegistry()
    options = ServerOptions(
        certificate=ServerCertificate.in_folder(tmp_path),
        named_certificate=named,
        token_sources=[folder],
        guarded=frozenset({"/metrics"}),
    )
    routes = [web.get("/metrics", metrics)]
    with running_api(options=options, extra_routes=routes, registry=registry) as api:
        api.resources.create(widget(), actor=PROGRAM)
        yield Stage(api, folder, registry)


@pytest.mark.parametrize(
    ("method", "path", "body", "allowed"),
    [
        ("GET", WIDGETS, None, (Role.VIEWER, Role.OPERATOR, Role.ADMIN)),
        ("PATCH", A, {"spec": {"size": 2}}, (Role.OPERATOR, Role.ADMIN)),
        ("PATCH", f"{A}/scale", {"spec": {"replicas": 2}}, (Role.OPERATOR, Role.ADMIN)),
        ("PATCH", f"{A}/status", {"status": {"phase": "x"}}, (Role.ADMIN,)),
        ("POST", f"{WIDGETS}?dryRun=All", widget("b"), (Role.ADMIN,)),
        ("DELETE", f"{A}?dryRun=All", None, (Role.ADMIN,)),
        ("DELETE", f"{WIDGETS}?dryRun=All", None, (Role.ADMIN,)),
    ],
    ids=["list", "patch", "scale", "status", "create", "delete", "delete-all"],
)
def test_roles_are_held_to(
    stage: Stage, method: str, path: str, body: Any, allowed: tuple[Role, ...]
) -> None:
    media = MERGE if method == "PATCH" else "application/json"
    codes = {
        role: stage.ask(role, method, path, body, content_type=media).code for role in stage.tokens
    }

    assert {role for role, code in codes.items() if code < 300} == set(allowed)
    assert {code for role, code in codes.items() if role not in allowed} <= {403}


def test_an_apply_that_would_create_needs_the_right_to_create(stage: Stage) -> None:
    path, media = f"{WIDGETS}/%s?fieldManager=tests", "application/apply-patch+yaml"

    assert stage.ask(Role.OPERATOR, "PATCH", path % "a", widget(), content_type=media).code == 200
    refused = stage.ask(Role.OPERATOR, "PATCH", path % "b", widget("b"), content_type=media)
    assert (refused.code, "cannot create" in refused.json["message"]) == (403, True)


def test_kubectl_is_told_the_truth(stage: Stage, tmp_path: Path) -> None:
    kubectl = Kubectl.at(stage.api, tmp_path)
    token = stage.tokens[Role.VIEWER]
    authority = stage.api.authority
    write_kubeconfig(tmp_path / "config", server=stage.api.url, token=token, authority=authority)

    assert kubectl("auth", "can-i", "list", "wd").strip().endswith("yes")
    assert kubectl("auth", "can-i", "delete", "wd", code=1).startswith("no")
    assert kubectl("auth", "can-i", "get", "/metrics").strip().endswith("yes")
    assert "[get list watch]" in kubectl("auth", "can-i", "--list")
    assert "token:the-viewer" in kubectl("auth", "whoami")
    refused = kubectl("delete", "wd", "a", code=1)
    assert 'User "token:the-viewer" cannot delete resource "widgets"' in refused


def test_a_revoked_token_ends_with_its_watches(stage: Stage) -> None:
    token = stage.tokens[Role.VIEWER]

    with stage.api.watch(f"{WIDGETS}?watch=1", token=token) as events:
        assert next(events)["type"] == "ADDED"
        stage.folder.revoke("the-viewer")
        with pytest.raises((StopIteration, OSError, ssl.SSLError)):
            next(events)
    assert stage.ask(Role.VIEWER, "GET", WIDGETS).code == 401


def test_anonymous_gets_health_alone(stage: Stage) -> None:
    codes = {
        path: stage.api.ask("GET", path, token="").code
        for path in ("/healthz", "/metrics", "/version", "/api", WIDGETS)
    }

    assert codes == {"/healthz": 200, "/metrics": 401, "/version": 401, "/api": 401, WIDGETS: 401}
    assert stage.ask(Role.VIEWER, "GET", "/metrics").body == b"series"


def test_writes_are_recorded_without_bodies_and_tokens(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        stage.ask(Role.ADMIN, "POST", WIDGETS, widget("b", annotations={"note": "hidden"}))
        stage.ask(Role.OPERATOR, "PATCH", A, {"spec": {"size": 5}}, content_type=MERGE)
        stage.ask(Role.VIEWER, "DELETE", A)
        stage.ask(Role.ADMIN, "DELETE", WIDGETS)
        stage.ask(Role.VIEWER, "GET", A)
    lines = [vars(record) for record in caplog.records if "api write" in record.getMessage()]

    told = [(line["msg"], line["who"], line["verb"], line["object"]) for line in lines]
    assert told == [
        ("api write", "token:the-admin", "create", "Widget/default/b"),
        ("api write", "token:the-operator", "patch", "Widget/default/a"),
        ("api write refused", "token:the-viewer", "delete", "Widget/default/a"),
        ("api write", "token:the-admin", "deletecollection", "Widget/default/a"),
        ("api write", "token:the-admin", "deletecollection", "Widget/default/b"),
    ]
    created, patched, refused, *_ = lines
    assert (created["old"], refused["code"]) == (0, 403)
    assert 0 < patched["old"] < patched["new"]
    everything = json.dumps([vars(record) for record in caplog.records], default=str)
    assert not [token for token in stage.tokens.values() if token in everything]
    assert "hidden" not in everything


def test_requests_are_counted(stage: Stage) -> None:
    stage.ask(Role.VIEWER, "GET", A)
    stage.ask(Role.VIEWER, "DELETE", A)
    stage.api.ask("GET", "/version", token="wrong")

    assert stage.count(verb="get", kind="Widget", code="200") == 1
    assert stage.count(verb="delete", kind="Widget", code="403") == 1
    assert stage.count(verb="other", kind="", code="401") == 1


def test_a_large_request_is_refused(stage: Stage) -> None:
    large = widget(annotations={"note": "x" * 4 * 2**20})

    assert stage.ask(Role.ADMIN, "PUT", A, large).code == 413
    media = "application/apply-patch+yaml"
    path = f"{A}?fieldManager=tests"
    assert stage.ask(Role.ADMIN, "PATCH", path, large, content_type=media).code == 413
    assert stage.api.resources.get(ObjectRef("Widget", "a")) is not None


@pytest.mark.parametrize("name", [NAMED, "localhost", None])
def test_clients_by_name_get_the_given_certificate(
    stage: Stage, named: ServerCertificate, name: str | None
) -> None:
    address = urlsplit(stage.api.url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((address.hostname or "", address.port or 0), 10) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        shown = ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")

    given = named.certificate.read_text()
    assert (shown.strip() == given.strip()) is (name == NAMED)
