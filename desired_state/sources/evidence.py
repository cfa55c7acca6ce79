"""The signed objects of a revision: kept beside its artifact, they can be verified without the remote."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

_SHOWN: Final = 80
_MARKS: Final = re.compile(
    rb"^-----BEGIN (SSH SIGNATURE|PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE)-----", re.MULTILINE
)
_ARMOR: Final = re.compile(rb"-----BEGIN SSH SIGNATURE-----(.+?)-----END SSH SIGNATURE-----", re.S)


class Format(StrEnum):
    """Kinds of signatures that git knows."""

    NONE = ""
    SSH = "SSH"
    OPENPGP = "OpenPGP"
    OTHER = "another"


@dataclass(frozen=True, slots=True)
class SignedObject:
    """A commit or an annotated tag, as git stores it.

    Attributes:
        kind: `commit` or `tag`.
        raw: the whole object without git's own header.
    """

    kind: str
    raw: bytes

    @property
    def name(self) -> str:
        """Its hash: another content would have another one."""
        return hashlib.sha1(self._framed(), usedforsecurity=False).hexdigest()

    @property
    def signature(self) -> bytes:
        """Its signature as text; empty where there is none."""
        if self.kind == "tag":
            found = list(_MARKS.finditer(self.raw))
            return self.raw[found[-1].start() :] if found else b""
        head = self.raw.partition(b"\n\n")[0].replace(b"\n ", b"\0")
        lines = (line for line in head.split(b"\n") if line.startswith(b"gpgsig "))
        return next(lines, b"").removeprefix(b"gpgsig ").replace(b"\0", b"\n")

    @property
    def format(self) -> Format:
        """Of which kind the signature is."""
        signature = self.signature
        if not signature:
            return Format.NONE
        if signature.startswith(b"-----BEGIN SSH "):
            return Format.SSH
        return Format.OPENPGP if signature.startswith(b"-----BEGIN PGP ") else Format.OTHER

    @property
    def ssh_fingerprint(self) -> str:
        """`SHA256:...` of the key that an SSH signature says it was made with; empty if unreadable."""
        armor = _ARMOR.search(self.signature)
        try:
            blob = base64.b64decode(b"".join(armor[1].split())) if armor else b""
        except ValueError:
            return ""
        size = int.from_bytes(blob[10:14], "big")
        return ssh_fingerprint(blob[14 : 14 + size]) if blob.startswith(b"SSHSIG") else ""

    def header(self, name: str) -> str:
        """The value of a header line, e.g. `author`."""
        head = self.raw.partition(b"\n\n")[0].decode("utf-8", "replace")
        lines = (line for line in head.split("\n") if line.startswith(f"{name} "))
        return next(lines, "").removeprefix(f"{name} ")

    def store(self, objects: Path) -> None:
        """Writes it below the `objects` folder of a repository."""
        place = objects / self.name[:2] / self.name[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(zlib.compress(self._framed()))

    def __str__(self) -> str:
        who = self.header("author" if self.kind == "commit" else "tagger").rpartition(">")[0]
        by = f" by {plain(who)}>" if who else ""
        name = plain(self.header("tag")) if self.kind == "tag" else self.name[:7]
        return f"{self.kind} {name}{by}"

    def _framed(self) -> bytes:
        return f"{self.kind} {len(self.raw)}\0".encode() + self.raw


@dataclass(frozen=True, slots=True)
class Evidence:
    """What can be verified of a revision.

    Attributes:
        commit: its commit.
        tag: the annotated tag that led to it, or None.
    """

    commit: SignedObject
    tag: SignedObject | None = None

    def note(self) -> dict[str, str]:
        """For a JSON file."""
        parts = (self.commit, *([self.tag] if self.tag else []))
        return {part.kind: base64.b64encode(part.raw).decode() for part in parts}

    @classmethod
    def read(cls, note: Any) -> Self:
        """Out of a JSON file.

        Raises:
            ValueError: it is not what `note` gave.
            KeyError: there is no commit in it.
            TypeError: it is something else.
        """
        tag = SignedObject("tag", base64.b64decode(note["tag"])) if "tag" in note else None
        return cls(SignedObject("commit", base64.b64decode(note["commit"])), tag)


def ssh_fingerprint(blob: bytes) -> str:
    """The fingerprint of a public key as ssh-keygen prints it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    return f"SHA256:{digest.rstrip('=')}"


def plain(text: str) -> str:
    """A text of others for a message: one line, printable, clipped."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:_SHOWN]
