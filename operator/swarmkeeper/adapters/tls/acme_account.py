"""Accounts at CAs: one for each CA and address, whose key lies in a folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from acme import client, errors, messages
from cryptography.hazmat.primitives.asymmetric import rsa
from josepy.jwk import JWKRSA

from swarmkeeper.adapters.tls.acme_errors import Heard
from swarmkeeper.runtime.certificates import AcmeCa

_AGENT: Final = "swarmkeeper"
_REQUEST: Final = 20  # seconds for one request


def connected(
    folder: Path, ca: AcmeCa, verify: bool | str, heard: Heard
) -> tuple[client.ClientV2, JWKRSA]:
    """A client that the CA knows, and its account's key; one that it has forgotten is made known again.

    Args:
        folder: for account keys.
        ca: whom to ask.
        verify: file with the CAs that the CA's own HTTPS is checked against; True: the public ones.
        heard: takes what answers say besides their bodies.
    """
    key = _account_key(folder, ca)
    net = client.ClientNetwork(key, user_agent=_AGENT, timeout=_REQUEST)
    net.verify_ssl = verify  # type: ignore[assignment] # requests takes a file as well
    net.session.hooks["response"].append(heard)
    acme = client.ClientV2(client.ClientV2.get_directory(ca.server, net), net)
    wanted = messages.NewRegistration.from_data(
        email=ca.email or None, terms_of_service_agreed=True
    )
    try:
        acme.new_account(wanted)
    except errors.ConflictError as known:
        net.account = messages.RegistrationResource(body=wanted, uri=known.location)
    return acme, key


def _account_key(folder: Path, ca: AcmeCa) -> JWKRSA:
    name = hashlib.sha256(f"{ca.server} {ca.email}".encode()).hexdigest()[:16]
    path = folder / f"account-{name}.json"
    if path.is_file():
        return JWKRSA.json_loads(path.read_text(encoding="utf-8"))
    key = JWKRSA(key=rsa.generate_private_key(65537, 2048))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - with a mode
        file.write(key.json_dumps())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return key
