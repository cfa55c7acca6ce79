"""Credentials of registries: as `docker login` left them, and in no log."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from swarmkeeper import logs
from swarmkeeper.adapters.docker import credentials

LOGIN = base64.b64encode(b"robot:hunter2").decode()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What DOCKER_CONFIG names, not yet there."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "config.json"


def decoded(header: str | None) -> Any:
    return header and json.loads(base64.urlsafe_b64decode(header))


@pytest.mark.parametrize(
    ("registry", "image"),
    [
        ("registry.internal:5000", "registry.internal:5000/team/web:1"),
        ("https://ghcr.io", "ghcr.io/team/web@sha256:0"),
        ("https://index.docker.io/v1/", "team/web:1"),
        ("https://index.docker.io/v1/", "nginx"),
    ],
)
def test_an_image_gets_the_login_of_its_registry(config: Path, registry: str, image: str) -> None:
    config.write_text(json.dumps({"auths": {registry: {"auth": LOGIN}}}))

    assert decoded(credentials.of_user(image)) == {
        "username": "robot",
        "password": "hunter2",
        "email": None,
        "serveraddress": registry,
    }


@pytest.mark.parametrize(
    ("document", "image"),
    [
        ({}, "nginx"),
        ({"auths": {"ghcr.io": {"auth": LOGIN}}}, "nginx"),
        ({"auths": {"ghcr.io": {}}}, "ghcr.io/web"),
        ({"auths": {"ghcr.io": {"auth": LOGIN}}}, ""),
    ],
    ids=["no login", "another registry", "empty login", "no image"],
)
def test_without_a_login_there_is_no_header(
    config: Path, document: dict[str, Any], image: str
) -> None:
    config.write_text(json.dumps(document))

    assert credentials.of_user(image) is None


def test_without_a_config_there_is_no_header(config: Path) -> None:
    assert not config.exists()
    assert credentials.of_user("nginx") is None


def test_a_new_login_is_seen(config: Path) -> None:
    assert credentials.of_user("ghcr.io/web") is None

    config.write_text(json.dumps({"auths": {"ghcr.io": {"auth": LOGIN}}}))

    assert credentials.of_user("ghcr.io/web") is not None


@pytest.mark.parametrize(
    ("auths", "image"),
    [
        ({"ghcr.io": {"auth": "hunter2!"}}, "ghcr.io/web"),
        ({"ghcr.io": "hunter2"}, "ghcr.io/web"),
        ({"ghcr.io": {"auth": LOGIN}}, "http://hunter2@ghcr.io/web"),
    ],
    ids=["no base64", "no entry", "no image"],
)
def test_what_can_not_be_read_is_told_without_its_words(
    config: Path, auths: dict[str, Any], image: str, caplog: pytest.LogCaptureFixture
) -> None:
    config.write_text(json.dumps({"auths": auths}))

    assert credentials.of_user(image) is None

    (record,) = [r for r in caplog.records if r.name == credentials.__name__]
    assert record.message == "registry credentials not read"
    assert "hunter2" not in record.__dict__["error"]


def test_nothing_of_a_login_is_logged(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(json.dumps({"auths": {"ghcr.io": {"auth": LOGIN}}}))
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    logs.configure(json=False, level="DEBUG")

    header = credentials.of_user("ghcr.io/web")

    written = capsys.readouterr().err
    assert header
    assert not [secret for secret in (header, LOGIN, "hunter2", "robot") if secret in written]
