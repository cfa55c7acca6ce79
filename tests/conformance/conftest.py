"""Runs every test with each client on each store, and prints which verb works with which client.

`pytest tests/conformance` runs a quick part, as `make test` does: this machine's kubectl, on SQLite.
`--conformance full`, as `make conformance` has it, runs all. A test belongs to a row of the table by
`@pytest.mark.verb("get -w")`, and to a column by the kubectl it asks for, or by
`pytestmark = pytest.mark.client("kr8s")`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from support import postgres
from support.api import Api, running_api
from support.conformance_table import Outcome, Result, markdown, plain
from support.kubectl import Kubectl
from support.kubectl_releases import HERE, RELEASES, NotObtainableError, Release, obtain

from swarmkeeper.apiserver.certificates import ServerCertificate
from swarmkeeper.apiserver.kubeconfig import write_kubeconfig
from swarmkeeper.apiserver.server import ServerOptions
from swarmkeeper.store.database import Database
from swarmkeeper.store.postgres import PostgresDatabase
from swarmkeeper.store.sql import SqlDatabase

STORES = ("SQLite", "Postgres")
NOT_OBTAINABLE = "not obtainable: "
NOT_APPLICABLE = "not applicable: "
_PROPERTY = "conformance"
_HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options of the suite."""
    group = parser.getgroup("conformance")
    group.addoption("--conformance", choices=("quick", "full"), default="quick")
    group.addoption("--conformance-table", type=Path, help="also write the table here, as Markdown")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs each test on each store, and those of kubectl with each release."""
    full = metafunc.config.getoption("conformance", "quick") == "full"
    for fixture, values, quick in (("server", STORES, "SQLite"), ("release", RELEASES, HERE)):
        if fixture in metafunc.fixturenames:
            chosen = values if full else (quick,)
            metafunc.parametrize(fixture, chosen, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)  # before xdist sends the tests out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Notes row and column of each test where reports carry it to who prints the table."""
    for item in items:
        if _HERE in Path(item.path).parents and isinstance(item, pytest.Function):
            item.add_marker(pytest.mark.integration)
            item.user_properties.append((_PROPERTY, _place(item)))


def _place(item: pytest.Function) -> dict[str, Any]:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    client = next((str(m.args[0]) for m in item.iter_markers("client")), "")
    if "release" in params:
        client = f"kubectl {params['release']}"
    elif client:
        client = f"{client} {'.'.join(metadata.version(client).split('.')[:2])}"
    verbs = [verb for marker in item.iter_markers("verb") for verb in marker.args]
    return {"verbs": verbs, "client": client, "store": str(params.get("server", ""))}


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Prints the table."""
    reports = (r for status in terminalreporter.stats.values() for r in status)
    results = list(_results(r for r in reports if isinstance(r, pytest.TestReport)))
    if not results:
        return
    order = {client: number for number, client in enumerate(f"kubectl {r}" for r in RELEASES)}
    results.sort(key=lambda result: (order.get(result.client, len(order)), result.client))
    stores = " and ".join(dict.fromkeys(result.store for result in results))
    terminalreporter.section(f"conformance on {stores}")
    for line in plain(results):
        terminalreporter.write_line(line)
    path: Path | None = config.getoption("conformance_table")
    if path is not None:
        path.write_text(markdown(results), encoding="utf-8")


def _results(reports: Iterable[pytest.TestReport]) -> Iterator[Result]:
    for report in reports:
        if report.when != "call" and report.passed:
            continue
        for name, value in report.user_properties:
            if name == _PROPERTY and isinstance(value, dict):
                for verb in value["verbs"]:
                    yield Result(verb, value["client"], value["store"], _outcome(report))


def _outcome(report: pytest.TestReport) -> Outcome:
    if report.passed:
        return Outcome.PASS
    if report.failed:
        return Outcome.FAIL
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
    return Outcome.NOT_APPLICABLE if NOT_APPLICABLE in reason else Outcome.NOT_OBTAINABLE


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    if reason := postgres.missing():
        pytest.skip(NOT_OBTAINABLE + reason)
    with postgres.postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """An API over TLS on one of the stores."""
    folder = tmp_path_factory.mktemp("api")
    database: SqlDatabase
    if request.param == "SQLite":
        database = Database(folder / "state.db")
    else:
        database = PostgresDatabase(request.getfixturevalue("postgres_server").new_database())
    options = ServerOptions(certificate=ServerCertificate.in_folder(folder))
    with running_api(database=database, options=options) as api:
        yield api


@pytest.fixture
def api(server: Api) -> Api:
    """The API, emptied."""
    server.clear()
    return server


@pytest.fixture
def kubeconfig(api: Api, tmp_path: Path) -> Path:
    """How clients reach the API as the administrator."""
    path = tmp_path / "config"
    write_kubeconfig(path, server=api.url, token=api.tokens.admin, authority=api.authority)
    return path


@pytest.fixture(scope="session")
def release(request: pytest.FixtureRequest) -> Release:
    try:
        return obtain(request.param)
    except NotObtainableError as error:
        pytest.skip(f"{NOT_OBTAINABLE}kubectl {request.param}: {error}")


@pytest.fixture(scope="session")
def kubectl_home(tmp_path_factory: pytest.TempPathFactory, release: Release, server: Api) -> Path:
    """Where kubectl keeps what it has discovered, so that it asks once."""
    del server  # another store is another server
    return tmp_path_factory.mktemp("kubectl-{}.{}".format(*release.version))


@pytest.fixture
def kubectl(
    request: pytest.FixtureRequest, api: Api, release: Release, kubectl_home: Path
) -> Kubectl:
    """One of the kubectls, as the administrator."""
    for marker in request.node.iter_markers("since"):
        needed = tuple(map(int, marker.args[0].split(".")))
        if release.version < needed:
            pytest.skip(f"{NOT_APPLICABLE}it came with kubectl {marker.args[0]}")
    return replace(Kubectl.at(api, kubectl_home, release.program), version=release.version)
