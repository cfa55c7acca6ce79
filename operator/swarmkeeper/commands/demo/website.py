"""The part of the demo that is about the website's certificate."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from swarmkeeper.commands.demo.api import condition
from swarmkeeper.commands.demo.authority import WEBSITE
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.example import DOMAIN
from swarmkeeper.commands.demo.narration import Result
from swarmkeeper.commands.demo.scene import Scene
from swarmkeeper.commands.demo.swarm import until

_PLURAL: Final = "certificates"


def renewed(scene: Scene) -> None:
    """A certificate is near its end; from the commit on that says so it is kept."""
    narrator, before = scene.narrator, _served(scene)
    narrator.chapter("The website's certificate is near its end")
    narrator.say(f"Traefik serves {_told(before)}: somebody made that by hand, and went on holiday")
    tasks = scene.swarm.tasks(scene.stack.service("traefik"))
    scene.repository.edit("certificates.yaml", r"  suspend: true\n", "")
    narrator.quote(scene.repository.diff())
    narrator.shell("git commit -am 'Keep the certificate' && git push")
    began = time.monotonic()
    scene.repository.push("Keep the certificate")
    with narrator.waiting("ordered from a CA (Pebble), which looked at the website, and published"):
        until(lambda: _served(scene).serial_number != before.serial_number, "a new certificate")
        served = time.monotonic()
        until(lambda: _is_ready(scene), f"Certificate/{WEBSITE} to be Ready")
    narrator.say(f"Traefik serves {_told(_served(scene))}")
    if scene.swarm.tasks(scene.stack.service("traefik")) != tasks:
        raise DemoError("Traefik was restarted")
    narrator.say("verified by a handshake; Traefik was not restarted, nobody was cut off")
    what, answer = "a certificate that ends in two days", "ordered another one, without a restart"
    scene.results.append(Result(what, answer, None, (served - began) * 1000))


def _served(scene: Scene) -> x509.Certificate:
    """What a visitor is shown."""
    where = scene.stack.example
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((where.address, where.ports.websecure), 10) as connection,
            context.wrap_socket(connection, server_hostname=DOMAIN) as session,
        ):
            return x509.load_der_x509_certificate(session.getpeercert(binary_form=True) or b"")
    except OSError as error:
        raise DemoError(f"Traefik does not answer: {error}") from error


def _told(certificate: x509.Certificate) -> str:
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    serial = f"{certificate.serial_number:x}"
    days = round(left.total_seconds() / 86400)
    return f"a certificate that ends in {days} days (serial {serial[:8]}…)"


def _is_ready(scene: Scene) -> bool:
    return condition(scene.api.object(_PLURAL, WEBSITE), "Ready")[0] == "True"
