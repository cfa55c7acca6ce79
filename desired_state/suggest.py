"""Did you mean ...? Finds the known word that a misspelt one was meant to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, or None where none is near.

    Spelling in another case or with `_` or `-` between the parts counts as the same word.
    """
    words = list(known)
    plain = {_plain(candidate): candidate for candidate in words}
    if _plain(word) in plain:
        return plain[_plain(word)]
    near = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean replicas?`, or nothing where no known word is near."""
    match = closest(word, known)
    return f"; did you mean {match}?" if match else ""


def as_dns_label(name: str) -> str:
    """The nearest name that RFC 1123 allows: `My_App` becomes `my-app`; may be empty."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].rstrip("-")


def _plain(word: str) -> str:
    return re.sub(r"[-_ ]", "", word).lower()
