"""The operator, but at a point of an ACME order it kills itself with -9.

crashing_acme.py POINT run …
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from acme import client

from swarmkeeper import cli
from swarmkeeper.adapters.tls.folder import CertificateFolder
from swarmkeeper.adapters.tls.ledger import Ledger
from swarmkeeper.adapters.tls.open_orders import OpenOrders

Point = tuple[type, str, Callable[[tuple[Any, ...]], bool]]
POINTS: dict[str, Point] = {
    "noted": (Ledger, "write", lambda given: True),
    "order placed": (client.ClientV2, "new_order", lambda given: True),
    "order noted": (Ledger, "write", lambda given: bool(given[2].order)),
    "answered": (client.ClientV2, "answer_challenge", lambda given: True),
    "finalized": (client.ClientV2, "begin_finalization", lambda given: True),
    "certificate kept": (OpenOrders, "write", lambda given: bool(given[1].chain)),
    "pair published": (CertificateFolder, "_put", lambda given: str(given[0]).endswith(".crt")),
    "published": (CertificateFolder, "write", lambda given: True),
}
"""Where it dies: just after a call of a method, if its arguments fit."""


def main() -> None:
    """Puts the point in, and goes on as `swarmkeeper` does."""
    owner, method, fits = POINTS[sys.argv.pop(1)]
    real = getattr(owner, method)

    def dying(self: Any, *given: Any) -> Any:
        result = real(self, *given)
        if fits(given):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, method, dying)
    cli.main()


if __name__ == "__main__":
    main()
