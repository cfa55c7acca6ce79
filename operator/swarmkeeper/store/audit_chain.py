"""The hash rule of the audit trail, for entries in the store and for entries in an export.

An entry's hash is SHA-256 over six texts with line feeds between them: the hash of the entry before it
(64 zeros for the first), the time, the action, the entry, and the document, byte by byte. Whoever
changes this changes docs/reference/audit-trail.md, by which others check.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

GENESIS: Final = "0" * 64
"""The hash before the first entry."""
_TEXTS: Final = ("at", "action", "entry", "previous", "hash")


def digest(previous: str, at: str, action: str, entry: str, document: bytes) -> str:
    """The hash of an entry.

    Args:
        previous: hash of the entry before it.
        at: when.
        action: id of the action.
        entry: what is said.
        document: the rest, as the bytes that are stored.
    """
    head = f"{previous}\n{at}\n{action}\n{entry}\n"
    return hashlib.sha256(head.encode() + document).hexdigest()


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as it hangs in the chain.

    Attributes:
        seq: position in the chain, from 1.
        at: when, RFC 3339 UTC with microseconds.
        action: id of the action.
        entry: what is said.
        document: who, why, what and how it went: the bytes that are hashed.
        previous: hash of the entry before it.
        hash: of this entry.
    """

    seq: int
    at: str
    action: str
    entry: str
    document: bytes
    previous: str
    hash: str

    @property
    def fits(self) -> bool:
        """Whether the hash is that of the entry."""
        found = digest(self.previous, self.at, self.action, self.entry, self.document)
        return found == self.hash

    def line(self) -> bytes:
        """The entry as one line of an export, the document as it is stored."""
        head = {"seq": self.seq} | {name: getattr(self, name) for name in _TEXTS}
        return b'%s,"document":%s}\n' % (orjson.dumps(head)[:-1], self.document)


def read_line(line: bytes) -> Link:
    """Reads one line of an export; also one that another program has formatted in its own way.

    Raises:
        ValueError: it is none; the message says what is wrong.
    """
    found: Any = orjson.loads(line)
    document = found.get("document") if isinstance(found, dict) else None
    seq = found.get("seq") if isinstance(document, dict) else None
    texts = [str(found.get(name)) for name in _TEXTS] if isinstance(seq, int) else []
    if not isinstance(seq, int) or not texts:
        raise ValueError("it is no entry of an audit trail")
    at, action, entry, previous, hash_ = texts
    # Documents are written with sorted keys and without spaces: this gives the same bytes again.
    body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return Link(seq, at, action, entry, body, previous, hash_)


@dataclass(slots=True)
class Findings:
    """What a look along entries shows.

    Attributes:
        entries: how many there were.
        first: position of the first one; 0 without any.
        newest: the last one, or None.
        gaps: how often entries are missing between two.
        broken: position of the first entry that was changed or does not fit its neighbour, or None.
    """

    entries: int = 0
    first: int = 0
    newest: Link | None = None
    gaps: int = 0
    broken: int | None = None

    @property
    def complete(self) -> bool:
        """Whether it was the chain from its first entry on, without a gap."""
        return self.gaps == 0 and self.first in (0, 1)


def check(links: Iterable[Link]) -> Findings:
    """Looks along entries in order; a selection of them may have gaps, and is told as such.

    Args:
        links: the entries, oldest first; read up to the first one that is broken.
    """
    found = Findings()
    for link in links:
        before = found.newest
        if not link.fits or not _follows(link, before):
            found.broken = link.seq
            return found
        found.gaps += before is not None and before.seq + 1 != link.seq
        found.first = found.first or link.seq
        found.entries, found.newest = found.entries + 1, link
    return found


def _follows(link: Link, before: Link | None) -> bool:
    if link.seq == 1:
        return before is None and link.previous == GENESIS
    if before is None or link.seq > before.seq + 1:
        return link.seq > 1
    return link.seq == before.seq + 1 and link.previous == before.hash
