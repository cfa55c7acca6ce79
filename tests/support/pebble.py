"""A private CA: Pebble, Let's Encrypt's own test server, with a DNS server that leads all names here."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from support.redis_server import free_port
from support.tls import Authority
from swarmkeeper.sandbox import packages
from swarmkeeper.sandbox.errors import SandboxError
from swarmkeeper.sandbox.packages import Package

PEBBLE = Package("pebble", ("/usr/bin/pebble",))


def missing() -> str:
    """Why there can't be a CA on this machine; empty where there can. What is missing is installed."""
    try:
        packages.require_supported_machine()
        packages.ensure([PEBBLE], print)
    except SandboxError as error:
        return str(error)
    return ""


HOOK = """\
#!{python}
import json, sys, urllib.request
verb, name, value = sys.argv[1:]
path = "set-txt" if verb == "present" else "clear-txt"
body = json.dumps({{"host": name, "value": value}}).encode()
urllib.request.urlopen(f"http://127.0.0.1:{port}/{{path}}", body, timeout=30).close()
"""


class Pebble:
    """One CA with its DNS server.

    Args:
        folder: for its files.
        http_port: where it looks for HTTP-01.
        lifetime: of its certificates, in seconds.
        reuse: whether a name that was validated once needs not be validated again.
        here: address that it is reached at.
        there: address that all names lead to.
    """

    def __init__(
        self,
        folder: Path,
        http_port: int,
        lifetime: int = 90 * 86400,
        *,
        reuse: bool = False,
        here: str = "127.0.0.1",
        there: str = "127.0.0.1",
    ) -> None:
        self._here, self._there = here, there
        self._reuse = "100" if reuse else "0"
        self._folder, self._http_port, self._lifetime = folder, http_port, lifetime
        self.port, self._manage = free_port(), free_port()
        self.dns, self.dns_api = free_port(), free_port()
        self._running: list[subprocess.Popen[bytes]] = []
        authority = Authority("Pebble's own")
        authority.issue("127.0.0.1", here).write(folder, "pebble")
        self.ca = authority.pem
        """CA of its own HTTPS."""

    @property
    def url(self) -> str:
        """Of its directory."""
        return f"https://{self._here}:{self.port}/dir"

    @property
    def root(self) -> bytes:
        """CA of the certificates that it issues."""
        return self._get(f"https://127.0.0.1:{self._manage}/roots/0")

    def start(self) -> None:
        """Starts both, and waits until they answer."""
        config = self._folder / "pebble.json"
        config.write_text(json.dumps({"pebble": self._config()}))
        dns, api = f"127.0.0.1:{self.dns}", f"127.0.0.1:{self.dns_api}"
        off = [
            part for name in ("http01", "https01", "tlsalpn01", "doh") for part in (f"-{name}", "")
        ]
        listen = ["-dns01", dns, "-management", api, *off[:6]]
        self._run("pebble-challtestsrv", "-defaultIPv4", self._there, "-defaultIPv6", "", *listen)
        self._run("pebble", "-config", str(config), "-dnsserver", dns)
        wait_for(lambda: bool(self._get(self.url)), "Pebble does not answer")

    def stop(self) -> None:
        """Ends both at once; what it knew is gone."""
        for process in self._running:
            process.kill()
            process.wait(30)
        self._running.clear()

    def lead(self, name: str, address: str) -> None:
        """Leads a name elsewhere."""
        self._post("add-a", {"host": name, "addresses": [address]})

    def write_hook(self, path: Path) -> None:
        """Writes a program that answers DNS-01 in its DNS server."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HOOK.format(python=sys.executable, port=self.dns_api))
        path.chmod(0o755)

    def logged(self, text: str) -> int:
        """How many lines of its log hold a text."""
        return (self._folder / "pebble.log").read_text().count(text)

    @property
    def orders(self) -> int:
        """How many orders were placed."""
        return self.logged("Added order")

    @property
    def issued(self) -> int:
        """How many certificates it has issued."""
        return self.logged("Issued certificate serial")

    def _post(self, verb: str, document: object) -> None:
        url = f"http://127.0.0.1:{self.dns_api}/{verb}"
        with urllib.request.urlopen(url, json.dumps(document).encode(), timeout=30):
            pass

    def _config(self) -> dict[str, object]:
        return {
            "listenAddress": f"{self._here}:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self._manage}",
            "certificate": str(self._folder / "pebble.crt"),
            "privateKey": str(self._folder / "pebble.key"),
            "httpPort": self._http_port,
            "tlsPort": free_port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "certificateValidityPeriod": self._lifetime,
        }

    def _get(self, url: str) -> bytes:
        context = ssl.create_default_context(cadata=self.ca.decode())
        with urllib.request.urlopen(url, timeout=30, context=context) as answer:  # noqa: S310 - ours
            return bytes(answer.read())

    def _run(self, *command: str) -> None:
        settings = {"VA_NOSLEEP": "1", "WFE_NONCEREJECT": "0", "AUTHZREUSE": self._reuse}
        environment = {**os.environ, **{f"PEBBLE_{key}": text for key, text in settings.items()}}
        with (self._folder / f"{command[0]}.log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self._running.append(process)


def wait_for(holds: Callable[[], bool], message: str, seconds: float = 60) -> None:
    """Waits until something holds; an OSError means: not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, message
        time.sleep(0.05)
