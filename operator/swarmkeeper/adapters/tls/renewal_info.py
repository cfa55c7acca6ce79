"""When CAs suggest to renew (ARI, RFC 9773), asked no more often than they want to be.

What they said lies in a file, so that a restart asks nobody again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import requests
from cryptography import x509

from swarmkeeper.adapters.tls.acme_errors import retry_after
from swarmkeeper.runtime.certificates import AcmeCa, RenewalInfo
from swarmkeeper.runtime.unknown import Unknown

FILE: Final = "renewal-info.json"
"""In the folder of ACME."""
_USUALLY: Final = timedelta(hours=6)
_BOUNDS: Final = (timedelta(minutes=1), timedelta(days=1))
"""A CA that wants to be asked more or less often than this is asked so (RFC 9773, 4.3.2)."""
_KEPT: Final = timedelta(days=8)
_TIMEOUT: Final = 5  # seconds for one request: the look at the certificate waits for it


@dataclass(frozen=True, slots=True)
class _Said:
    """What was heard about a certificate; times as ISO 8601."""

    next: str
    start: str = ""
    end: str = ""
    explanation: str = ""
    problem: str = ""
    failures: int = 0


class RenewalInfos:
    """The suggestions that are known. Thread-safe.

    Args:
        path: of their file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()

    def of(
        self, ca: AcmeCa, verify: bool | str, certificate: x509.Certificate, now: datetime
    ) -> RenewalInfo | Unknown | None:
        """What the CA suggests for a certificate.

        Args:
            ca: that has issued it.
            verify: file with the CAs that the CA's own HTTPS is checked against; True: the public ones.
            certificate: in question.
            now: the present time.

        Returns:
            The suggestion, the last one known where it can't be asked now; Unknown where there is none
            yet; None where the CA suggests nothing, or the certificate has ended.
        """
        identity = certificate_id(certificate)
        if identity is None or now >= certificate.not_valid_after_utc:
            return None
        name = f"{ca.server} {identity}"
        with self._guard:
            said = self._read().get(name)
        if said is None or now >= datetime.fromisoformat(said.next):
            said = _asked(ca.server, verify, identity, said, now)
            with self._guard:
                self._write({**self._read(), name: said}, now)
        if said.start:
            return _info(identity, said)
        return Unknown(said.problem) if said.problem else None

    def _read(self) -> dict[str, _Said]:
        with suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return {name: _Said(**one) for name, one in found.items()}
        return {}

    def _write(self, known: dict[str, _Said], now: datetime) -> None:
        """Keeps what is young; where it can't be kept the CA is asked again."""
        oldest = (now - _KEPT).isoformat()
        kept = {name: asdict(one) for name, one in known.items() if one.next >= oldest}
        fresh = self._path.with_suffix(".new")
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.write_text(json.dumps(kept), encoding="utf-8")
            fresh.replace(self._path)


def certificate_id(certificate: x509.Certificate) -> str | None:
    """What ARI calls a certificate (RFC 9773, 4.1); None for one that does not name its CA's key."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return None
    key, serial = named.value.key_identifier, certificate.serial_number
    if key is None:
        return None
    number = serial.to_bytes(serial.bit_length() // 8 + 1, "big")  # DER: the highest bit is a sign
    return f"{_url64(key)}.{_url64(number)}"


def _url64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _info(identity: str, said: _Said) -> RenewalInfo:
    """The suggestion with a time of our own in it: random among certificates, always the same for one."""
    start, end = datetime.fromisoformat(said.start), datetime.fromisoformat(said.end)
    share = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8], "big") / 2**64
    return RenewalInfo(start, end, start + (end - start) * share, said.explanation, said.problem)


def _asked(
    server: str, verify: bool | str, identity: str, before: _Said | None, now: datetime
) -> _Said:
    try:
        base = _get(server, verify).json().get("renewalInfo")
        if not base:
            return _Said((now + _USUALLY).isoformat())
        answer = _get(f"{base}/{identity}", verify)
        return _said(answer.json(), _next(answer, now))
    except (requests.RequestException, LookupError, ValueError, TypeError, AttributeError) as error:
        status = getattr(getattr(error, "response", None), "status_code", "")
        text = f"{server} gives no renewal information: {type(error).__name__} {status}".rstrip()
        failures = before.failures + 1 if before else 1
        wait = min(_BOUNDS[0] * 2 ** min(failures - 1, 20), _USUALLY)
        known = before or _Said("")
        again = (now + wait).isoformat()
        return _Said(again, known.start, known.end, known.explanation, text, failures)


def _said(document: dict[str, Any], after: datetime) -> _Said:
    window = document["suggestedWindow"]
    start, end = (datetime.fromisoformat(window[name]).astimezone(UTC) for name in ("start", "end"))
    if end <= start:
        raise ValueError("the window ends before it begins")
    explanation = str(document.get("explanationURL") or "")
    return _Said(after.isoformat(), start.isoformat(), end.isoformat(), explanation)


def _next(answer: requests.Response, now: datetime) -> datetime:
    wanted = retry_after(answer, now) or now + _USUALLY
    return min(max(wanted, now + _BOUNDS[0]), now + _BOUNDS[1])


def _get(url: str, verify: bool | str) -> requests.Response:
    answer = requests.get(
        url, timeout=_TIMEOUT, verify=verify, headers={"User-Agent": "swarmkeeper"}
    )
    answer.raise_for_status()
    return answer
