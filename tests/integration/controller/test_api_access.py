"""Access to the API of a whole operator: issued tokens, metrics, a given certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from support.cli import swarmkeeper
from support.toy import GaugeReconciler, Gauges

from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.apiserver.certificates import ServerCertificate
from swarmkeeper.composition import Operator, World
from swarmkeeper.runtime.ports import HttpProbe, Ports
from swarmkeeper.runtime.swarm import Swarm
from swarmkeeper.settings import Settings

pytestmark = pytest.mark.integration

Get = Callable[..., Awaitable[tuple[int, str]]]
NAMED = "swarm.example.org"


class NoWatcher:
    """Sees nothing."""

    def start(self) -> None:
        """Has nothing to begin."""

    def stop(self) -> None:
        """Has nothing to end."""


def run(settings: Settings, scenario: Callable[[str, Get], Awaitable[None]]) -> None:
    """Runs a scenario against an operator."""
    ports = Ports(cast(Swarm, None), cast(HttpProbe, None), SystemClock())
    world = World(ports, lambda *_: NoWatcher(), {"Gauge": GaugeReconciler(Gauges())})

    async def get(url: str, token: str, trust: Path, name: str | None = None) -> tuple[int, str]:
        context = ssl.create_default_context(cafile=trust)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with aiohttp.ClientSession() as session:
            asked = session.get(url, headers=headers, ssl=context, server_hostname=name)
            async with asked as answer:
                return answer.status, await answer.text()

    async def whole() -> None:
        operator, stop, started = Operator(settings, world), asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(operator.run(stop, started))
        await asyncio.wait_for(started.wait(), 20)
        try:
            await scenario(operator.url, get)
        finally:
            stop.set()
            await running

    asyncio.run(whole())


def test_a_token_from_the_command_line_reads_the_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"

    async def scenario(url: str, get: Get) -> None:
        trust = data / "api.crt"
        made = swarmkeeper(
            capsys, "token", "create", "prometheus", "--role", "viewer", "--data-dir", str(data)
        )
        token = made.out.strip()

        code, metrics = await get(f"{url}/metrics", token, trust)
        assert (code, "swarmkeeper_api_requests_total{" in metrics) == (200, True)
        assert (await get(f"{url}/metrics", "", trust))[0] == 401
        swarmkeeper(capsys, "token", "revoke", "prometheus", "--data-dir", str(data))
        await asyncio.sleep(1.5)
        assert (await get(f"{url}/metrics", token, trust))[0] == 401

    run(Settings(data_dir=data, port=0), scenario)


def test_a_given_certificate_is_shown_to_those_who_ask_by_name(tmp_path: Path) -> None:
    data, folder, secrets = tmp_path / "data", tmp_path / "given", tmp_path / "secrets"
    folder.mkdir()
    secrets.mkdir()
    (secrets / "swarmkeeper-token.viewer.ann").write_text("a" * 40)
    given = ServerCertificate.in_folder(folder, [NAMED])

    async def scenario(url: str, get: Get) -> None:
        version = f"{url}/version"
        assert (await get(version, "a" * 40, given.certificate, NAMED))[0] == 200
        assert (await get(version, "a" * 40, data / "api.crt"))[0] == 200

    settings = Settings(
        data_dir=data,
        port=0,
        tls_cert=given.certificate,
        tls_key=given.key,
        token_secrets=secrets,
    )
    run(settings, scenario)


def test_a_certificate_needs_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = swarmkeeper(
        capsys,
        "run",
        "--data-dir",
        str(tmp_path),
        "--port",
        "0",
        "--tls-cert",
        "/x",
        "--log-level",
        "ERROR",
    )

    assert (ran.code, "--tls-cert and --tls-key go together" in ran.err) == (1, True), ran.err
