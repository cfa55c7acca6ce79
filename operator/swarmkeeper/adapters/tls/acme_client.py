"""Certificates by ACME (RFC 8555), with the library of the certbot project."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import requests
from acme import challenges, client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from josepy.jwk import JWKRSA

from swarmkeeper.adapters.tls.hooks import Hooks
from swarmkeeper.adapters.tls.responder import Responder
from swarmkeeper.runtime.certificates import AcmeCa, CertificateError

FOLDER: Final = "acme"
"""In the data folder: account keys and the ledger."""
HOOKS: Final = "hooks"
"""In that folder: programs for DNS-01."""
_AGENT: Final = "swarmkeeper"
_PATIENCE: Final = timedelta(seconds=60)
"""For the validation, and again for the certificate."""
_REQUEST: Final = 20  # seconds for one request
_WHEN: Final = re.compile(r"retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)", re.IGNORECASE)
Solved = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Issued:
    """What the CA gave.

    Attributes:
        chain: PEM, the certificate first.
        key: PEM: a new one for each certificate.
    """

    chain: bytes
    key: bytes


class RateLimitedError(CertificateError):
    """The CA issues no more for a while.

    Args:
        message: of the CA.
        until: when it may again; None where it did not say.
    """

    def __init__(self, message: str, until: datetime | None) -> None:
        super().__init__("RateLimited", message)
        self.until = until


class AcmeClient:
    """Orders certificates; an account of its own for each CA and address.

    Args:
        folder: for account keys.
        responder: answers HTTP-01.
        hooks: answer DNS-01.
    """

    def __init__(self, folder: Path, responder: Responder, hooks: Hooks) -> None:
        self._folder = folder
        self._responder = responder
        self._hooks = hooks

    def issue(self, ca: AcmeCa, names: Sequence[str], verify: bool | str) -> Issued:
        """Orders a certificate, and waits for it.

        Args:
            ca: whom to ask.
            names: whom it stands for.
            verify: file with the CAs that the CA's own HTTPS is checked against; True: the public ones.

        Raises:
            CertificateError: CAUnreachable, CATimeout, ChallengeFailed, RateLimited, OrderRefused,
                ResponderFailed, HookFailed.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        with _translated(ca.server):
            acme, account = self._account(ca, verify)
            order = acme.new_order(_request(key, names))
            with self._solving(ca, order, account) as opened:
                for challenge in opened:
                    acme.answer_challenge(challenge, challenge.response(account))
                order = acme.poll_authorizations(order, datetime.now() + _PATIENCE)  # noqa: DTZ005 - theirs
            order = acme.finalize_order(order, datetime.now() + _PATIENCE)  # noqa: DTZ005 - theirs
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Issued(order.fullchain_pem.encode(), pem)

    def _account(self, ca: AcmeCa, verify: bool | str) -> tuple[client.ClientV2, JWKRSA]:
        """A client that the CA knows; one that it has forgotten is made known again."""
        key = self._account_key(ca)
        net = client.ClientNetwork(key, user_agent=_AGENT, timeout=_REQUEST)
        net.verify_ssl = verify  # type: ignore[assignment] # requests takes a file as well
        acme = client.ClientV2(client.ClientV2.get_directory(ca.server, net), net)
        wanted = messages.NewRegistration.from_data(
            email=ca.email or None, terms_of_service_agreed=True
        )
        try:
            acme.new_account(wanted)
        except errors.ConflictError as known:
            net.account = messages.RegistrationResource(body=wanted, uri=known.location)
        return acme, key

    def _account_key(self, ca: AcmeCa) -> JWKRSA:
        name = hashlib.sha256(f"{ca.server} {ca.email}".encode()).hexdigest()[:16]
        path = self._folder / f"account-{name}.json"
        if path.is_file():
            return JWKRSA.json_loads(path.read_text(encoding="utf-8"))
        key = JWKRSA(key=rsa.generate_private_key(65537, 2048))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - with a mode
            file.write(key.json_dumps())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        return key

    @contextmanager
    def _solving(
        self, ca: AcmeCa, order: messages.OrderResource, key: JWKRSA
    ) -> Iterator[list[messages.ChallengeBody]]:
        wanted = challenges.DNS01 if ca.hook else challenges.HTTP01
        pending = [
            one for one in order.authorizations if one.body.status == messages.STATUS_PENDING
        ]
        opened = [_challenge(one, wanted) for one in pending]
        if ca.hook:
            records = [
                (f"{one.chall.validation_domain_name(name)}.", one.chall.validation(key))
                for one, name in zip(opened, _domains(pending), strict=True)
            ]
            with self._hooks.presenting(ca.hook, records):
                yield opened
            return
        answers = {one.chall.encode("token"): one.chall.validation(key) for one in opened}
        with self._responder.answering(answers):
            yield opened


def _challenge(
    authorization: messages.AuthorizationResource,
    wanted: type[challenges.KeyAuthorizationChallenge],
) -> messages.ChallengeBody:
    for one in authorization.body.challenges:
        if isinstance(one.chall, wanted):
            return one
    name = authorization.body.identifier.value
    raise CertificateError("OrderRefused", f"the CA offers no {wanted.typ} for {name}")


def _domains(authorizations: Sequence[messages.AuthorizationResource]) -> list[str]:
    return [str(one.body.identifier.value) for one in authorizations]


def _request(key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@contextmanager
def _translated(server: str) -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:
        message = f"{server} can't be reached: {type(error).__name__}"
        raise CertificateError("CAUnreachable", message) from None
    except errors.TimeoutError:
        message = f"{server} has not validated or issued within {_PATIENCE.total_seconds():g} s"
        raise CertificateError("CATimeout", message) from None
    except errors.ValidationError as error:
        raise CertificateError("ChallengeFailed", _failed(error)) from None
    except messages.Error as error:
        raise _refused(error) from None
    except errors.Error as error:
        raise CertificateError("OrderRefused", f"{server}: {type(error).__name__}") from None
    except OSError as error:
        message = f"the challenge can't be answered here: {error.strerror or type(error).__name__}"
        raise CertificateError("ResponderFailed", message) from None


def _failed(error: errors.ValidationError) -> str:
    """What the CA saw instead, of each name."""
    return "; ".join(
        f"{authorization.body.identifier.value}: {challenge.error.detail}"
        for authorization in error.failed_authzrs
        for challenge in authorization.body.challenges
        if challenge.error is not None
    )


def _refused(error: messages.Error) -> CertificateError:
    message = f"{error.code or error.typ}: {error.detail or error.description}"
    if error.code == "serverInternal":
        return CertificateError("CAUnreachable", message)
    if error.code != "rateLimited":
        return CertificateError("OrderRefused", message)
    found = _WHEN.search(message)
    when = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC) if found else None
    return RateLimitedError(message, when)
