"""Takes secrets out of texts that were written by others: messages of libraries, engines and exceptions.

Two ways together: what looks like a secret goes (a password in a URL, `password=...`, a bearer token, a
private key), and so does what is known to be one (values under secret names in the object of the pass,
and what the operator's own secret files hold), in the spellings that texts give it.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

from desired_state.secret_names import is_secret_name

HIDDEN: Final = "***"
SHORTEST: Final = 6
"""Characters of a known secret; a shorter one can't be told from an ordinary word."""
REMEMBERED: Final = 8
"""Secrets that are known of one file: the present one and those before it, for tokens of an hour."""

_SHOWN: Final = r"(?!sha256:)"  # a fingerprint tells nothing, and shows that something has changed
_URL_PASSWORD: Final = re.compile(rf"(://[^\s/:@'\"]{{0,256}}):{_SHOWN}[^\s@'\"]{{1,1024}}@")
_URL_TOKEN: Final = re.compile(r"(?i)(https?://)[^\s/:@'\"]{1,1024}@")
_PAIR: Final = re.compile(
    rf"(?<![\w-])(?P<name>[\w-]+)(?P<sign>[\"']?\s*:\s*[\"']|=[\"']?){_SHOWN}(?P<value>[^\s\"',;&]+)"
)
_HEADER: Final = re.compile(
    r"(?i)\b(bearer|authorization['\"]?\s*[:=]\s*['\"]?\w+)\s+[^\s'\",]{8,}"
)
_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*-----|\Z)", re.S)


class _SecretsOf:
    """The secrets of a document, looked for when the first text is redacted: most passes tell nothing.

    Args:
        document: must not be changed meanwhile.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """How texts write them."""
        return tuple(_spellings(secrets_in(self._document)))


_OF_PASS: Final[ContextVar[_SecretsOf | None]] = ContextVar("secrets_of_pass", default=None)


class Redactor:
    """Takes secrets out of texts. Safe for several threads.

    Args:
        known: secrets that the process has read; see `learn`.
        files: with further ones, which may be renewed or come later: each text is checked against
            what they hold then, and against what they held before.
    """

    def __init__(self, known: Iterable[str] = (), files: Iterable[Path] = ()) -> None:
        self._known = tuple(_spellings(known))
        self._files = tuple(SecretFile(path) for path in files)

    def learn(self, secrets: Iterable[str]) -> None:
        """Knows further secrets from now on."""
        self._known = tuple(dict.fromkeys((*_spellings(secrets), *self._known)))

    @contextmanager
    def within(self, document: Mapping[str, Any]) -> Iterator[None]:
        """Knows the secrets of a document as long as the block runs, on this thread."""
        token = _OF_PASS.set(_SecretsOf(document))
        try:
            yield
        finally:
            _OF_PASS.reset(token)

    def text(self, text: str) -> str:
        """The text without secrets."""
        of_files = chain.from_iterable(file.spellings() for file in self._files)
        for secret in (*_of_pass(), *self._known, *of_files):
            if secret in text:
                text = text.replace(secret, HIDDEN)
        if "://" in text:
            text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
            text = _URL_TOKEN.sub(rf"\1{HIDDEN}@", text)
        if "=" in text or ":" in text:
            text = _PAIR.sub(_pair, text)
        if "earer" in text or "uthorization" in text:
            text = _HEADER.sub(rf"\1 {HIDDEN}", text)
        return _KEY.sub(HIDDEN, text) if "PRIVATE KEY" in text else text

    def document(self, value: Any) -> Any:
        """A JSON-like value with every text in it redacted; names stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.document(below) for key, below in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(below) for below in value]
        return value


class SecretFile:
    """A file with a secret, as one line or several; read again whenever it has changed.

    Args:
        path: of the file; it need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._seen: Hashable = None
        self._held: tuple[str, ...] = ()
        self._spellings: tuple[str, ...] = ()
        self.spellings()

    def spellings(self) -> tuple[str, ...]:
        """What it holds and has held, as texts write it; what can't be read adds nothing."""
        with self._guard:
            try:
                found = self._path.stat()
                # Whoever renews it may write it in place, or rename another one onto it.
                now = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
                if now != self._seen:
                    self._learn(self._path.read_text("utf-8", "replace").strip())
                    self._seen = now
            except OSError:
                self._seen = None
            return self._spellings

    def _learn(self, secret: str) -> None:
        if secret:
            self._held = tuple(dict.fromkeys((secret, *self._held)))[:REMEMBERED]
            self._spellings = tuple(_spellings(self._held))


def _of_pass() -> tuple[str, ...]:
    found = _OF_PASS.get()
    return found.spellings if found is not None else ()


def secrets_in(value: Any, name: str = "") -> Iterator[str]:
    """Values under names that stand for secrets, and passwords in URLs, at any depth."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from secrets_in(below, str(key))
    elif isinstance(value, list | tuple):
        for below in value:
            yield from secrets_in(below, name)
    elif isinstance(value, str):
        if is_secret_name(name):
            yield value
        elif "://" in value:
            yield from (found[0].split(":", 2)[2][:-1] for found in _URL_PASSWORD.finditer(value))


def _pair(found: re.Match[str]) -> str:
    if not is_secret_name(found["name"]):
        return found[0]
    return f"{found['name']}{found['sign']}{HIDDEN}"


def _spellings(secrets: Iterable[str]) -> Iterator[str]:
    """How texts write a secret, longest first: plain, quoted, escaped, in base64."""
    found: set[str] = set()
    for secret in secrets:
        plain = secret.strip()
        if len(plain) < SHORTEST:
            continue
        found |= {plain, quote(plain, safe=""), quote_plus(plain), repr(plain)[1:-1]}
        found |= {json.dumps(plain)[1:-1], base64.b64encode(plain.encode()).decode()}
    yield from sorted(found, key=len, reverse=True)
