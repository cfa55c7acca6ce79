"""A CA of the demo's own: Pebble, Let's Encrypt's test server, with a name server beside it."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from desired_state.objects import DEFAULT_NAMESPACE
from swarmkeeper.adapters.tls.folder import CertificateFolder
from swarmkeeper.apiserver.certificates import ServerCertificate
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.example import DOMAIN, DYNAMIC, Example, free_port
from swarmkeeper.commands.demo.handmade import HandMade, hand_made
from swarmkeeper.commands.demo.swarm import until
from swarmkeeper.runtime.certificates import Publication
from swarmkeeper.sandbox.packages import Package

PEBBLE: Final = Package("pebble", ("/usr/bin/pebble",))
WEBSITE: Final = "website"
"""Name of the object that keeps its certificate."""
_NAMES: Final = "pebble-challtestsrv"
_DAYS: Final = 90
_SETTINGS: Final = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
_OFF: Final = tuple(
    word for name in ("http01", "https01", "tlsalpn01") for word in (f"-{name}", "")
)


@dataclass(slots=True)
class Authority:
    """The CA, and a certificate that somebody made by hand before it.

    Attributes:
        example: where everything is; all names lead to its Traefik.
        before: what was there before it.
        processes: the CA and its name server, by program.
        own: certificate of its own HTTPS, as PEM; known once it was started.
        root: certificate that its certificates lead to; likewise.
    """

    example: Example
    before: HandMade = field(default_factory=lambda: hand_made(DOMAIN))
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    own: str = ""
    root: str = ""

    @property
    def folder(self) -> Path:
        """For its files."""
        return self.example.folder / "ca"

    def start(self) -> None:
        """Starts both processes and waits until they answer."""
        self.folder.mkdir(mode=0o700)
        own = ServerCertificate.in_folder(self.folder)
        names, management = free_port(), free_port()
        listen = f"127.0.0.1:{self.example.authority_port}"
        config = {
            "listenAddress": listen,
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(own.certificate),
            "privateKey": str(own.key),
            "httpPort": self.example.ports.web,
            "tlsPort": free_port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "certificateValidityPeriod": _DAYS * 86400,
        }
        file = self.folder / "pebble.json"
        file.write_text(json.dumps({"pebble": config}), encoding="utf-8")
        dns = f"127.0.0.1:{names}"
        lead = ("-defaultIPv4", self.example.address, "-defaultIPv6", "", "-dns01", dns)
        self._run(_NAMES, *lead, *_OFF, "-management", f"127.0.0.1:{free_port()}")
        self._run("pebble", "-config", str(file), "-dnsserver", dns)
        directory, root = f"https://{listen}/dir", f"https://127.0.0.1:{management}/roots/0"
        until(lambda: self._answers(directory, root), "the CA to answer")
        self.root = self._get(root).decode()
        self.own = own.certificate.read_text("ascii")

    def trusted(self) -> dict[str, str]:
        """Secret -> PEM: who its own HTTPS is from, and whom to trust of all certificates."""
        return {"ca": self.own, "trusted": f"{self.root}\n{self.before.authority.decode()}"}

    def publish_by_hand(self) -> None:
        """Puts a certificate that ends in two days where the operator would put one."""
        where = Publication(f"{DEFAULT_NAMESPACE}.{WEBSITE}", DYNAMIC)
        folder, pair = CertificateFolder(self.example.certificates), self.before
        folder.write(where, "byhand", pair.certificate, pair.key)

    def stop(self) -> None:
        """Ends both processes."""
        for process in self.processes.values():
            process.kill()
            process.wait()

    def _answers(self, *urls: str) -> bool:
        for name, process in self.processes.items():
            if process.poll() is not None:
                words = (self.folder / f"{name}.log").read_text("utf-8", errors="replace")
                raise DemoError(f"{name} ended at once: {words[-500:]}")
        return all(map(self._get, urls))

    def _get(self, url: str) -> bytes:
        context = ssl.create_default_context(cafile=self.folder / "api.crt")
        try:
            with urllib.request.urlopen(url, timeout=10, context=context) as answer:  # noqa: S310 - ours
                return bytes(answer.read())
        except OSError:
            return b""

    def _run(self, program: str, *words: str) -> None:
        log = self.folder / f"{program}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [program, *words],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env={**os.environ, **_SETTINGS},
                start_new_session=True,
            )
        self.processes[program] = process


def lacking() -> str:
    """What is missing for a CA; empty where nothing is."""
    names = (PEBBLE.name, _NAMES, "openssl")
    return next((f"{name} is not installed" for name in names if not shutil.which(name)), "")
