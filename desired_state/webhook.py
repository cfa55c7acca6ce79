"""Webhooks of git servers: is the call genuine, and what was pushed? Pure; the route is elsewhere."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SIGNATURES: Final = ("x-hub-signature-256", "x-signature", "x-gitea-signature", "x-gogs-signature")
"""Headers with an HMAC-SHA256 of the body: GitHub, Flux's generic-hmac, Gitea and Forgejo, Gogs."""
TOKEN: Final = "x-gitlab-token"  # noqa: S105 - the name of a header
"""Header with the secret itself: GitLab."""

_BRANCH: Final = "refs/heads/"
_URLS: Final = ("clone_url", "ssh_url", "git_http_url", "git_ssh_url", "html_url", "url")


def verify_signature(body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    """Whether a call was made by someone who knows the secret; in constant time.

    Args:
        body: the body exactly as it came.
        headers: of the request; the case of their names does not matter.
        secret: the shared secret; with an empty one nothing is genuine.
    """
    if not secret:
        return False
    given = {name.lower(): value.encode("utf-8", "replace") for name, value in headers.items()}
    key = secret.encode()
    if TOKEN in given:
        return hmac.compare_digest(given[TOKEN], key)
    signature = next((given[name] for name in SIGNATURES if name in given), b"")
    expected = hmac.new(key, body, hashlib.sha256).hexdigest()
    claimed = signature.strip().removeprefix(b"sha256=").lower()
    return hmac.compare_digest(claimed, expected.encode())


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push event says of itself; a hint, never a fact.

    Attributes:
        urls: addresses of the repository, as far as they are given.
        branch: name of the branch; empty for a tag or where it is unknown.
        commit: hash of the new head; empty where it is unknown.
    """

    urls: tuple[str, ...]
    branch: str
    commit: str


def pushed_ref(payload: Any) -> Pushed | None:
    """Reads a push event of GitHub, Gitea, Forgejo, GitLab or Gogs; None for anything else.

    Args:
        payload: what json.loads gave for the body.
    """
    if not isinstance(payload, Mapping) or not isinstance(payload.get("ref"), str):
        return None
    ref = payload["ref"]
    after = payload.get("after")
    return Pushed(
        urls=tuple(dict.fromkeys((*_urls(payload, "repository"), *_urls(payload, "project")))),
        branch=ref.removeprefix(_BRANCH) if ref.startswith(_BRANCH) else "",
        commit=after if isinstance(after, str) else "",
    )


def _urls(payload: Mapping[str, Any], group: str) -> tuple[str, ...]:
    about = payload.get(group)
    if not isinstance(about, Mapping):
        return ()
    return tuple(about[name] for name in _URLS if isinstance(about.get(name), str))
