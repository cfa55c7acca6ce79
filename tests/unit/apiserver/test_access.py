"""Tokens, kubeconfig and certificate: private files, and nothing told."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
import yaml

from swarmkeeper.apiserver import certificates
from swarmkeeper.apiserver.access import Access, Tokens
from swarmkeeper.apiserver.certificates import (
    CertificateError,
    ServerCertificate,
    listening_context,
)
from swarmkeeper.apiserver.kubeconfig import write_kubeconfig
from swarmkeeper.apiserver.origin import ADMIN, OPERATOR
from swarmkeeper.apiserver.roles import Identity, Role
from swarmkeeper.apiserver.tokens import TokenError
from swarmkeeper.runtime.ports import ApiError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_tokens_are_made_once_and_private(tmp_path: Path) -> None:
    tokens = Tokens.in_folder(tmp_path)

    assert Tokens.in_folder(tmp_path) == tokens
    assert len(tokens.admin) == len(tokens.operator) == 43
    assert tokens.admin != tokens.operator
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {
        "admin.token": 0o600,
        "operator.token": 0o600,
    }


def test_a_token_is_never_shown(tmp_path: Path) -> None:
    tokens = Tokens.generate()
    assert tokens.admin not in repr(tokens)
    assert tokens.operator not in repr(tokens)

    (tmp_path / "admin.token").write_text("short-secret")
    with pytest.raises(TokenError) as caught:
        Tokens.in_folder(tmp_path)
    assert "short-secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_a_token_names_its_actor(scheme: str) -> None:
    tokens = Tokens.generate()
    access = Access(tokens)

    assert access.identify(f"{scheme} {tokens.admin}") == Identity(ADMIN, Role.ADMIN)
    assert access.identify(f"{scheme} {tokens.operator}") == Identity(OPERATOR, Role.CONTROLLER)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic {}", "{}", "Bearer {}x"])
def test_anything_else_is_refused(header: str | None) -> None:
    tokens = Tokens.generate()

    with pytest.raises(ApiError) as caught:
        Access(tokens).identify(header.format(tokens.admin) if header else header)

    assert caught.value.code == 401


def test_the_kubeconfig_is_private_and_complete(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.touch(0o644)
    write_kubeconfig(path, server="https://127.0.0.1:1", token="t", authority=b"pem")

    written = yaml.safe_load(path.read_text())
    assert mode(path) == 0o600
    assert written["current-context"] == "swarmkeeper"
    assert written["contexts"][0]["context"]["namespace"] == "default"
    assert written["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:1",
        "certificate-authority-data": "cGVt",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["config"]


def test_a_certificate_is_made_once(tmp_path: Path) -> None:
    made = ServerCertificate.in_folder(tmp_path)
    first = made.certificate.read_bytes()

    assert ServerCertificate.in_folder(tmp_path).certificate.read_bytes() == first
    assert mode(made.key) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["api.crt", "api.key"]
    listening_context(made)
    trust = ssl.create_default_context(cafile=str(made.certificate))
    trust.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python does from 3.13 on
    assert len(trust.get_ca_certs()) == 1


def test_another_host_needs_another_certificate(tmp_path: Path) -> None:
    first = ServerCertificate.in_folder(tmp_path).certificate.read_bytes()

    hosts = ("127.0.0.1", "2001:db8::1", "manager.example.org")
    second = ServerCertificate.in_folder(tmp_path, hosts).certificate.read_bytes()

    assert second != first
    assert ServerCertificate.in_folder(tmp_path, hosts).certificate.read_bytes() == second


def test_a_broken_certificate_is_refused(tmp_path: Path) -> None:
    made = ServerCertificate.in_folder(tmp_path)
    made.key.write_text("not a key")

    with pytest.raises(CertificateError, match=r"api\.crt"):
        listening_context(made)


def test_a_missing_openssl_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CertificateError, match="openssl"):
        ServerCertificate.in_folder(tmp_path)
    assert certificates.LOOPBACK[0] == "127.0.0.1"
