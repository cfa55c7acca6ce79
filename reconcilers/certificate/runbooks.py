"""The named procedures of a certificate."""

from __future__ import annotations

from typing import Final

from swarmkeeper.runtime.plan import Risk
from swarmkeeper.runtime.runbook import Runbook

RUNBOOKS: Final[tuple[Runbook, ...]] = (
    Runbook(
        "publish",
        "Puts the certificate that was brought where servers fetch it, all of it or nothing; verified "
        "by what the endpoints show.",
        Risk.LOW,
        revert="Bring the former certificate again: its files are still in the folder.",
    ),
    Runbook(
        "renew",
        "Orders a certificate with a new key by ACME and publishes it; verified by what the endpoints "
        "show.",
        Risk.LOW,
        revert="None is needed: the former certificate stays valid, its files are kept.",
    ),
    Runbook(
        "restart-server",
        "Restarts Traefik, which renews at its start what is due to it; verified by what the endpoints "
        "show.",
        Risk.MEDIUM,
        revert="None: connections that were cut off are made again.",
    ),
    Runbook(
        "force-renewal",
        "Stops Traefik, takes the certificate out of its acme.json and starts it, so that it orders a new "
        "one; verified by what the endpoints show, else the old one is put back.",
        Risk.HIGH,
        revert="None is needed: the former certificate stays valid, a copy of the file is kept.",
        confirm=True,
    ),
)
