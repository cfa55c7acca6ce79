"""The parameters of a request: what Kubernetes clients send behind the question mark."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

import orjson

from swarmkeeper.apiserver.problems import bad_request
from swarmkeeper.apiserver.validation import is_name

_MAX_TIMEOUT: Final = 24 * 3600


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean parameter; absent is false."""
    return query.get(name, "").lower() in ("1", "true")


def number(query: Mapping[str, str], name: str) -> int:
    """A parameter that counts something; absent is 0.

    Raises:
        ApiError: 400, it is no number, or below zero.
    """
    text = query.get(name) or "0"
    if not text.isascii() or not text.isdigit():
        raise bad_request(f"{name} must be a number, not {text!r}")
    return int(text)


def dry_run(query: Mapping[str, str], body: Mapping[str, object] | None = None) -> bool:
    """Whether nothing is to be written; deletions say so in their body too.

    Raises:
        ApiError: 400, another value than `All`.
    """
    given = [query["dryRun"]] if query.get("dryRun") else []
    options = (body or {}).get("dryRun")
    given += options if isinstance(options, list) else []
    if any(value != "All" for value in given):
        raise bad_request(f"dryRun must be All, not {given}")
    return bool(given)


def timeout(query: Mapping[str, str], default: float) -> float:
    """How long a watch may last, in seconds.

    Raises:
        ApiError: 400, it is no number.
    """
    return float(min(number(query, "timeoutSeconds"), _MAX_TIMEOUT)) or default


def encode_continue(revision: int, namespace: str, name: str) -> str:
    """A token for the rest of a list.

    Args:
        revision: of the first part; a watch from it hears all that changed meanwhile.
        namespace: of the last object given.
        name: of the last object given.
    """
    return base64.urlsafe_b64encode(orjson.dumps([revision, namespace, name])).decode()


def decode_continue(text: str) -> tuple[int, str, str]:
    """Reads a token for the rest of a list.

    Raises:
        ApiError: 400, it is not one of ours.
    """
    try:
        revision, namespace, name = orjson.loads(base64.urlsafe_b64decode(text))
    except (ValueError, TypeError):
        raise bad_request("continue key is not valid") from None
    if type(revision) is not int or not isinstance(namespace, str) or not is_name(str(name)):
        raise bad_request("continue key is not valid")
    return revision, namespace, str(name)
