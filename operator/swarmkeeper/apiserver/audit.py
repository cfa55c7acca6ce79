"""Tells of every request: a metric of all of them, and a log line for each write, done or refused.

Lines name who, what and which version came of it; never a body, and never a token.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from swarmkeeper.apiserver.addresses import Address
from swarmkeeper.apiserver.roles import Identity
from swarmkeeper.store.objects import Key

GONE: Final = 499
"""Code in the metric for a client that went before its answer."""
_READS: Final = frozenset({"get", "list", "watch"})
_OTHER: Final = "other"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Trace:
    """What is known of a request so far.

    Attributes:
        address: what is asked about, where it is a resource.
        verb: in Kubernetes' words.
        kind: kind of the resource; empty for what is none.
        who: who asks; None before that is known.
    """

    address: Address | None = None
    verb: str = _OTHER
    kind: str = ""
    who: Identity | None = None

    def wrote(self, key: Key, old: int, new: int) -> None:
        """Tells of a version that was written, at once: also where the client is gone by now.

        Args:
            key: which object.
            old: resourceVersion before; 0 where there was none.
            new: resourceVersion after.
        """
        keys = {"object": _name(key), "old": old, "new": new}
        _log.info("api write", extra=self._keys() | keys)

    def refused(self, code: int) -> None:
        """Tells of a write that was not done."""
        address = self.address or Address("", "", "")
        key = Key(self.kind, address.namespace or "", address.name or "*")
        _log.info("api write refused", extra=self._keys() | {"object": _name(key), "code": code})

    def _keys(self) -> dict[str, object]:
        keys: dict[str, object] = {"verb": self.verb}
        if self.who is not None:
            keys |= {"who": self.who.actor, "role": str(self.who.role)}
        if self.address is not None and self.address.subresource:
            keys["subresource"] = self.address.subresource
        return keys


class Audit:
    """Keeps the record.

    Args:
        registry: where the metric is registered; an own one by default.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._requests = Counter(
            "swarmkeeper_api_requests",
            "Requests to the API by verb, kind and HTTP status; a watch counts when it ends.",
            ("verb", "kind", "code"),
            registry=registry or CollectorRegistry(),
        )

    def record(self, trace: Trace, code: int) -> None:
        """Counts a request that was answered, and tells of a write that was refused."""
        self._requests.labels(trace.verb, trace.kind, str(code)).inc()
        if code >= 400 and trace.kind and trace.who is not None and trace.verb not in _READS:
            trace.refused(code)


def _name(key: Key) -> str:
    return "/".join(part for part in key if part)
