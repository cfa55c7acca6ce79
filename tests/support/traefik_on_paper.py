"""A Traefik without a process: it reads its file when it is started, and orders what is not in it.

For tests of what an operator does to it that may die at any moment. The file, its copies and the ledger are
real, and so is the store.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from desired_state.objects import API_VERSION, JsonObject, ObjectRef
from reconcilers.certificate.forcing import DEFAULT
from reconcilers.certificate.journal import journal_of
from reconcilers.registry import RECONCILERS
from support.harness import HandClock, Harness
from support.one_service import OneService
from support.tls import DAY, Authority, Pair
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.adapters.tls.certificates import TlsCertificates, in_data_folder
from swarmkeeper.adapters.tls.reading import facts
from swarmkeeper.adapters.tls.traefik_storage import TraefikFiles
from swarmkeeper.runtime.certificates import Attempt, Endpoint, Served, Trust
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.testing import FakeHttp, service_spec

CERTIFICATE = ObjectRef("Certificate", "app")
SERVICE = ObjectRef("SwarmService", "traefik")
STORAGE = {"path": "acme.json", "resolver": "le"}
_WRITES = ("update", "note", "back_up", "take_out", "put_back")


class Killed(BaseException):
    """The operator was killed."""


class Mortal:
    """Stands for a port, and kills the operator just before or after the n-th write of all ports.

    Args:
        port: the real one.
        life: what is left, shared by all ports.
    """

    def __init__(self, port: Any, life: Callable[[], None]) -> None:
        self._port, self._life = port, life

    def __getattr__(self, name: str) -> Any:
        """The port's own, or a write that may be the last thing that is done."""
        method = getattr(self._port, name)
        if name not in _WRITES:
            return method

        def write(*args: Any, **kwargs: Any) -> Any:
            self._life()
            found = method(*args, **kwargs)
            self._life()
            return found

        return write


class PaperTraefik(OneService):
    """A Swarm with one service, and what that shows.

    Args:
        folder: for its file.
        clock: of the Swarm.
    """

    def __init__(self, folder: Path, clock: HandClock) -> None:
        super().__init__(clock=clock)
        self.file = folder / "acme.json"
        self.authority = Authority()
        self.ca_is_up = True
        self.fought = 0
        """How often it was started while a renewal had stopped it."""
        self.ordered = 0
        self.shown: Pair | None = None
        self._known: dict[str, Pair] = {}
        self.file.write_text(json.dumps({"le": {"Account": {"a": 1}, "Certificates": None}}))
        self.file.chmod(0o600)
        self.create(service_spec("traefik"))
        self._start()

    def update(self, service: str, change: Callable[[Service], JsonObject | None]) -> int | None:
        """Writes a spec; starts and stops what is on paper with it."""
        before = self.spec
        replaced = super().update(service, change)
        if before["Mode"] != self.spec["Mode"]:
            if self.replicas == 0:
                self.shown = None
            else:
                journal = journal_of(self.spec)
                self.fought += journal is not None and journal.stopped
                self._start()
        return replaced

    def _start(self) -> None:
        document = json.loads(self.file.read_text())
        entries = document["le"]["Certificates"] or []
        found = next((one for one in entries if one["domain"]["main"] == "app.test"), None)
        if found is None and self.ca_is_up:
            pair = self.authority.issue("app.test", now=self._clock.now())
            self.ordered += 1
            text, key = (base64.b64encode(part).decode() for part in (pair.chain, pair.key))
            found = {"domain": {"main": "app.test"}, "certificate": text, "key": key}
            self._known[text] = pair
            document["le"]["Certificates"] = [*entries, found]
            self.file.write_text(json.dumps(document))
        self.shown = self._known[found["certificate"]] if found else None


class PaperCertificates(TlsCertificates):
    """What the Traefik on paper shows."""

    traefik: PaperTraefik

    def served(
        self, endpoints: Sequence[Endpoint], trust: Trust, *, timeout: float
    ) -> tuple[Served, ...]:
        """Its certificate at every endpoint, or its default one."""
        pair = self.traefik.shown
        if pair is None:
            nobody = self.traefik.authority.issue("nobody.test").certificate
            found = replace(facts(nobody, ""), subject=DEFAULT, names=())
        else:
            found = facts(x509.load_pem_x509_certificates(pair.chain)[0], "")
        return tuple(Served(one, "10.0.0.1", found) for one in endpoints)


class Paper:
    """An operator, its store and a Traefik, of which only the operator may die.

    Args:
        folder: for all of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock(datetime.now(UTC))
        self.swarm = PaperTraefik(folder, self.clock)
        self.begin()
        self._declare("SwarmService", "traefik", {"image": "app:1", "replicas": 1, "adopt": True})

    def begin(self, dies_after: int = -1) -> None:
        """Starts the operator, also after its death.

        Args:
            dies_after: so many moments around its writes; never by default.
        """
        left = [dies_after]

        def life() -> None:
            left[0] -= 1
            if left[0] == -1:
                raise Killed

        secrets = SecretFolder(self.folder, lambda _: None)
        port = in_data_folder(secrets, self.folder, self.folder, self.clock, ("127.0.0.1", 0))
        port.__class__ = PaperCertificates
        assert isinstance(port, PaperCertificates)
        port.traefik = self.swarm
        swarm: Any = Mortal(self.swarm, life) if dies_after >= 0 else self.swarm
        certificates: Any = Mortal(port, life) if dies_after >= 0 else port
        files: Any = TraefikFiles(self.folder)
        files = Mortal(files, life) if dies_after >= 0 else files
        ports = Ports(swarm, FakeHttp(), self.clock, certificates=certificates, traefik=files)
        path = self.folder / "state.db"
        self.engine = Harness(path, reconcilers=RECONCILERS, ports=ports, clock=self.clock)

    def declare(self, **traefik: Any) -> None:
        """The certificate; it is due after nine days."""
        issuer = {"service": "traefik", "storage": STORAGE, "confirm": False, **traefik}
        spec = {
            "dnsNames": ["app.test"],
            "endpoints": [{"host": "traefik"}],
            "renewBeforePercentage": 90,
            "issuer": {"traefik": issuer},
            "limits": {"maxActions": 1000},
        }
        self._declare("Certificate", "app", spec)

    def look(self) -> None:
        """One pass over each object, and a second goes by."""
        self.engine.run(CERTIFICATE)
        self.engine.run(SERVICE)
        self.clock.forward(seconds=1)

    def settle(self) -> None:
        """Passes until no renewal is under way."""
        for _ in range(600):
            self.look()
            if journal_of(self.swarm.spec) is None:
                return
        raise AssertionError("a renewal does not end")

    def attempts(self) -> tuple[Attempt, ...]:
        """What the ledger has, oldest first."""
        lines = (self.folder / "acme" / "ledger.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return tuple(
            Attempt(datetime.fromisoformat(one["time"]), one["key"], one["serial"], one["reason"])
            for one in found
        )

    def _declare(self, kind: str, name: str, spec: JsonObject) -> None:
        document = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}}
        self.engine.objects.create({**document, "spec": spec}, actor="test")


LATER = 10 * DAY
"""By then the first certificate is due."""
