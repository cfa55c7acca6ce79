"""Certificates by ACME (RFC 8555), with the library of the certbot project."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from acme import challenges, client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from josepy.json_util import field as jose_field
from josepy.jwk import JWKRSA

from swarmkeeper.adapters.tls import renewal_info
from swarmkeeper.adapters.tls.acme_account import connected
from swarmkeeper.adapters.tls.acme_errors import PATIENCE, Heard, translated
from swarmkeeper.adapters.tls.hooks import Hooks
from swarmkeeper.adapters.tls.open_orders import OpenOrder
from swarmkeeper.adapters.tls.renewal_info import RenewalInfos
from swarmkeeper.adapters.tls.responder import Responder
from swarmkeeper.runtime.certificates import (
    ALREADY_REPLACED,
    ORDER_GONE,
    ORDER_INVALID,
    AcmeCa,
    CertificateError,
)

FOLDER: Final = "acme"
"""In the data folder: account keys, open orders and the ledger."""
HOOKS: Final = "hooks"
"""In that folder: programs for DNS-01."""
_UNKNOWN: Final = frozenset({"malformed", "unauthorized", "accountDoesNotExist"})
Keep = Callable[[OpenOrder], None]


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
        self.suggested = RenewalInfos(folder / renewal_info.FILE).of
        """When a CA suggests to renew."""

    def issue(
        self, ca: AcmeCa, names: Sequence[str], verify: bool | str, order: OpenOrder, keep: Keep
    ) -> OpenOrder:
        """Has an order end in a certificate: places it, or goes on with it where it was left.

        Args:
            ca: whom to ask.
            names: whom it stands for.
            verify: file with the CAs that the CA's own HTTPS is checked against; True: the public ones.
            order: as far as it is.
            keep: has an order on disk before the next step is taken.

        Returns:
            The order with its chain.

        Raises:
            CertificateError: CAUnreachable, CATimeout, ChallengeFailed, RateLimited, OrderRefused,
                OrderGone, OrderInvalid, AlreadyReplaced, ResponderFailed, HookFailed.
        """
        request, heard = _request(order.key, names), Heard()
        with translated(ca.server, heard):
            acme, account = connected(self._folder, ca, verify, heard)
            if order.url:
                placed = _taken_up(acme, order.url, request)
            else:
                placed = _placed(acme, request, names, order.replaces)
                order = replace(order, url=placed.uri)
                keep(order)
            if placed.body.status == messages.STATUS_PENDING:
                placed = self._validated(acme, ca, placed, account)
            ended = acme.finalize_order(placed, _deadline())
        return replace(order, chain=ended.fullchain_pem)

    def _validated(
        self, acme: client.ClientV2, ca: AcmeCa, order: messages.OrderResource, account: JWKRSA
    ) -> messages.OrderResource:
        with self._solving(ca, order, account) as opened:
            for challenge in opened:
                acme.answer_challenge(challenge, challenge.response(account))
            return acme.poll_authorizations(order, _deadline())

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
                yield _unanswered(opened)
            return
        answers = {one.chall.encode("token"): one.chall.validation(key) for one in opened}
        with self._responder.answering(answers):
            yield _unanswered(opened)


def new_order() -> OpenOrder:
    """An order with a key of its own, that is still to be placed."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return OpenOrder(pem.decode())


class _Replacing(messages.NewOrder):
    """An order that tells which certificate it replaces (RFC 9773, 5)."""

    replaces: str = jose_field("replaces", omitempty=True)


def _placed(
    acme: client.ClientV2, request: bytes, names: Sequence[str], replaces: str
) -> messages.OrderResource:
    """A new order; the library knows none that replaces.

    Raises:
        CertificateError: AlreadyReplaced.
    """
    if not replaces:
        return acme.new_order(request)
    wanted = [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name) for name in names]
    order = _Replacing(identifiers=wanted, profile="", replaces=replaces)
    try:
        answer = acme.net.post(
            acme.directory["newOrder"], order, new_nonce_url=acme.directory["newNonce"]
        )
    except errors.ConflictError:
        message = "the CA says that the published certificate has been replaced already"
        raise CertificateError(ALREADY_REPLACED, message) from None
    body = messages.Order.from_json(answer.json())
    return _resource(acme, body, answer.headers["Location"], request)


def _taken_up(acme: client.ClientV2, url: str, request: bytes) -> messages.OrderResource:
    """An order that was placed before.

    Raises:
        CertificateError: it can't come to a certificate any more.
    """
    try:
        body = messages.Order.from_json(_get(acme, url))
    except messages.Error as error:
        if error.code not in _UNKNOWN:
            raise
        message = f"the CA knows the order no more that was interrupted: {error.detail}"
        raise CertificateError(ORDER_GONE, message) from None
    if body.status == messages.STATUS_INVALID:
        message = "the CA has given up the order that was interrupted"
        raise CertificateError(ORDER_INVALID, message)
    return _resource(acme, body, url, request)


def _resource(
    acme: client.ClientV2, body: messages.Order, url: str, request: bytes
) -> messages.OrderResource:
    authorizations = [
        messages.AuthorizationResource(
            body=messages.Authorization.from_json(_get(acme, one)), uri=one
        )
        for one in body.authorizations
    ]
    return messages.OrderResource(
        body=body, uri=url, authorizations=authorizations, csr_pem=request
    )


def _get(acme: client.ClientV2, url: str) -> dict[str, object]:
    """What lies at a URL, by POST-as-GET (RFC 8555, 6.3)."""
    answer = acme.net.post(url, None, new_nonce_url=acme.directory["newNonce"])
    return dict(answer.json())


def _challenge(
    authorization: messages.AuthorizationResource,
    wanted: type[challenges.KeyAuthorizationChallenge],
) -> messages.ChallengeBody:
    for one in authorization.body.challenges:
        if isinstance(one.chall, wanted):
            return one
    name = authorization.body.identifier.value
    raise CertificateError("OrderRefused", f"the CA offers no {wanted.typ} for {name}")


def _unanswered(opened: Sequence[messages.ChallengeBody]) -> list[messages.ChallengeBody]:
    """Those that the CA has not been told of yet: others it looks at already."""
    return [one for one in opened if one.status == messages.STATUS_PENDING]


def _domains(authorizations: Sequence[messages.AuthorizationResource]) -> list[str]:
    return [str(one.body.identifier.value) for one in authorizations]


def _request(key: str, names: Sequence[str]) -> bytes:
    private = load_pem_private_key(key.encode(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise CertificateError("OrderRefused", "the key of the open order is of another kind")
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(private, hashes.SHA256()).public_bytes(Encoding.PEM)


def _deadline() -> datetime:
    return datetime.now() + PATIENCE  # noqa: DTZ005 - the library reckons so
