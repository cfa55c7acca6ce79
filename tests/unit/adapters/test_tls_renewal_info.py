"""When CAs suggest to renew: what is asked, how often, and the time that is chosen."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from support.tls import new_key

from swarmkeeper.adapters.tls.renewal_info import RenewalInfos, certificate_id
from swarmkeeper.runtime.certificates import AcmeCa, RenewalInfo
from swarmkeeper.runtime.unknown import Unknown

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WINDOW = {"start": "2026-04-01T00:00:00Z", "end": "2026-04-03T00:00:00Z"}


def certificate(serial: int = 0x8765_4321) -> x509.Certificate:
    """The one of RFC 9773, as far as ARI looks at it."""
    key, name = new_key(), x509.Name([])
    identifier = bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4")
    return (
        x509.CertificateBuilder(name, name, key.public_key(), serial)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=89))
        .add_extension(x509.AuthorityKeyIdentifier(identifier, None, None), critical=False)
        .sign(key, hashes.SHA256())
    )


class Ca:
    """A CA that answers as it is told."""

    def __init__(self) -> None:
        self.document: object = {"suggestedWindow": WINDOW}
        self.after = ""
        self.asked = 0
        ca = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/dir":
                    self._say({"renewalInfo": f"{ca.url}/info"}, "")
                    return
                ca.asked += 1
                self._say(ca.document, ca.after)

            def _say(self, document: object, after: str) -> None:
                self.send_response(200 if document else 503)
                if after:
                    self.send_header("Retry-After", after)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def ca() -> Iterator[Ca]:
    ca = Ca()
    yield ca
    ca.server.shutdown()
    ca.server.server_close()


def look(
    ca: Ca, folder: Path, now: datetime = NOW, serial: int = 1
) -> RenewalInfo | Unknown | None:
    """As a process does that has just begun."""
    known = RenewalInfos(folder / "acme" / "renewal-info.json")
    return known.of(AcmeCa(f"{ca.url}/dir"), True, certificate(serial), now)


def test_a_certificate_is_called_as_the_rfc_calls_it() -> None:
    assert certificate_id(certificate()) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


def test_the_time_is_in_the_window_the_same_after_a_restart_and_unlike_others(
    ca: Ca, tmp_path: Path
) -> None:
    found = [look(ca, tmp_path, serial=serial) for serial in (1, 1, 2)]

    times = [one.at for one in found if isinstance(one, RenewalInfo)]
    start, end = (datetime.fromisoformat(WINDOW[name]) for name in ("start", "end"))
    assert all(start <= time <= end for time in times)
    assert times[0] == times[1] != times[2]
    assert ca.asked == 2


@pytest.mark.parametrize(
    ("after", "wait"),
    [
        ("", 360 * MINUTE),
        ("7200", 120 * MINUTE),
        ("1", MINUTE),
        ("99999999", 1440 * MINUTE),
        ("Sun, 01 Mar 2026 13:00:00 GMT", 60 * MINUTE),
        ("nonsense", 360 * MINUTE),
    ],
)
def test_the_ca_is_asked_again_when_it_wants_within_limits(
    ca: Ca, tmp_path: Path, after: str, wait: timedelta
) -> None:
    ca.after = after
    look(ca, tmp_path)
    look(ca, tmp_path, NOW + wait - timedelta(seconds=1))
    assert ca.asked == 1

    look(ca, tmp_path, NOW + wait)
    assert ca.asked == 2


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"suggestedWindow": {"start": "x", "end": "y"}},
        {"suggestedWindow": {"start": WINDOW["end"], "end": WINDOW["start"]}},
    ],
    ids=["503", "list", "nothing", "no times", "backwards"],
)
def test_what_can_not_be_understood_is_told_and_asked_again_ever_less_often(
    ca: Ca, tmp_path: Path, document: object
) -> None:
    ca.document = document

    assert isinstance(look(ca, tmp_path), Unknown)
    look(ca, tmp_path, NOW + MINUTE)
    look(ca, tmp_path, NOW + 2 * MINUTE)

    assert ca.asked == 2


def test_what_was_known_stays_known_while_the_ca_fails(ca: Ca, tmp_path: Path) -> None:
    before = look(ca, tmp_path)
    ca.document = None

    after = look(ca, tmp_path, NOW + 360 * MINUTE)

    assert isinstance(before, RenewalInfo)
    assert isinstance(after, RenewalInfo)
    assert after.at == before.at
    assert after.problem


def test_a_certificate_that_has_ended_is_asked_about_no_more(ca: Ca, tmp_path: Path) -> None:
    assert look(ca, tmp_path, NOW + timedelta(days=90)) is None
    assert ca.asked == 0
