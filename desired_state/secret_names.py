"""Which names stand for secrets: their values are never shown, wherever they turn up."""

from __future__ import annotations

import re
from typing import Final

_SECRET_NAME: Final = re.compile(
    r"(?i)(passw|secret|token|api_?key|private_?key|credential|(^|_)pw(d)?$)"
)
_REFERENCE: Final = re.compile(r"(?i)(refs?|files?|names?|path)$")


def is_secret_name(name: str) -> bool:
    """True for the name of a field or variable whose value must not be shown.

    `secretRef`, `tokenFile` and their like only say where a secret lies, and may be shown.
    """
    return _SECRET_NAME.search(name) is not None and _REFERENCE.search(name) is None
