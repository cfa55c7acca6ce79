"""Traefik's `acme.json`: `{RESOLVER: {Account, Certificates: [{domain, certificate, key, Store}]}}`.

Everything but the one certificate keeps its place, its spelling and its owner. The file is replaced by
renaming, with mode 0600, which Traefik insists on. Source: Traefik's pkg/provider/acme/local_store.go (v3).
"""

from __future__ import annotations

import base64
import glob
import hashlib
import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from swarmkeeper.adapters.tls.reading import facts
from swarmkeeper.runtime.certificates import CertificateError, Facts
from swarmkeeper.runtime.traefik_storage import Storage

FOLDER: Final = "traefik"
"""In the data folder."""
KEPT: Final = 3
"""Copies of a file that are kept."""
Entry = dict[str, Any]


class TraefikFiles:
    """The files in one folder.

    Args:
        folder: nothing outside of it is touched.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()

    def certificates(self, where: Storage) -> tuple[Facts, ...]:
        """What the resolver has; see the port."""
        _, entries = _read(self._place(where), where)
        return tuple(found for entry in entries if (found := _facts(entry)) is not None)

    def back_up(self, where: Storage, serial: str, key: str) -> None:
        """Copies the file; see the port."""
        with self._guard:
            self._back_up(self._place(where), where, serial, key)

    def take_out(self, where: Storage, serial: str, key: str) -> None:
        """Takes the certificate out; see the port."""
        place = self._place(where)
        with self._guard:
            if not self._back_up(place, where, serial, key):
                return
            document, entries = _read(place, where)
            left = [entry for entry in entries if not _is(entry, serial)]
            document[where.resolver]["Certificates"] = left
            _write(place, _told(document), like=place)

    def put_back(self, where: Storage, serial: str, key: str) -> None:
        """Puts the certificate back; see the port."""
        place = self._place(where)
        with self._guard:
            copy = _copy(place, key)
            kept = _bytes(copy)
            _, before = _read(copy, where)
            old = next((entry for entry in before if _is(entry, serial)), None)
            if old is None:
                raise CertificateError("StorageUnreadable", f"{copy.name} has no {serial}")
            try:
                document, entries = _read(place, where)
            except CertificateError:
                _write(place, kept, like=copy)
                return
            at = before.index(old)
            rest = [entry for entry in entries if entry.get("domain") != old.get("domain")]
            document[where.resolver]["Certificates"] = [*rest[:at], old, *rest[at:]]
            _write(place, _told(document), like=place)

    def _back_up(self, place: Path, where: Storage, serial: str, key: str) -> bool:
        """Whether the certificate is in the file; then it is copied."""
        _, entries = _read(place, where)
        if not any(_is(entry, serial) for entry in entries):
            return False
        copy = _copy(place, key)
        _write(copy, _bytes(place), like=place)
        others = [one for one in place.parent.glob(_copies(place)) if one != copy]
        others.sort(key=_written)
        for surplus in others[: max(0, len(others) + 1 - KEPT)]:
            surplus.unlink(missing_ok=True)
        return True

    def _place(self, where: Storage) -> Path:
        """The file, which may be a link, but never to somewhere outside of the folder."""
        root = self._folder.resolve()
        place = (root / where.path).resolve()
        if not place.is_relative_to(root):
            raise CertificateError("StorageUnreadable", f"{where.path} is outside of the folder")
        return place


def _copy(place: Path, key: str) -> Path:
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    return place.with_name(f"{place.name}.swarmkeeper-{digest}")


def _copies(place: Path) -> str:
    return f"{glob.escape(place.name)}.swarmkeeper-{'?' * 12}"


def _read(place: Path, where: Storage) -> tuple[dict[str, Any], list[Entry]]:
    """All of a file, and the certificates of the resolver in it."""
    text = _bytes(place)
    try:
        document = json.loads(text)
        entries = [dict(entry) for entry in document[where.resolver]["Certificates"] or []]
    except (ValueError, LookupError, TypeError):
        message = f"{place.name} has no certificates of a resolver {where.resolver}"
        raise CertificateError("StorageUnreadable", message) from None
    return document, entries


def _bytes(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        message = f"{place}: {error.strerror or type(error).__name__}"
        raise CertificateError("StorageUnreadable", message) from None


def _told(document: dict[str, Any]) -> bytes:
    """As Go writes it, who escapes for HTML."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    for character in "&<>":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()


def _write(place: Path, content: bytes, like: Path) -> None:
    """Replaces a file, all of it or nothing; owner and group are those of another one."""
    fresh = place.with_name(f"{place.name}.new")
    try:
        owner = like.stat()
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - with a mode
            with suppress(PermissionError):  # not root: then Traefik is not either
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(place)
    except OSError as error:
        message = f"{place}: {error.strerror or type(error).__name__}"
        raise CertificateError("NotWritten", message) from None


def _is(entry: Entry, serial: str) -> bool:
    found = _facts(entry)
    return found is not None and found.serial == serial


def _facts(entry: Entry) -> Facts | None:
    try:
        pem = base64.b64decode(entry["certificate"], validate=True)
        return facts(x509.load_pem_x509_certificates(pem)[0], "")
    except (ValueError, LookupError, TypeError):
        return None


def _written(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0
