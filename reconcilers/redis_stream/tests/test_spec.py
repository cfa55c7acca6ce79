"""What may be declared about a stream, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from reconcilers.redis_stream.spec import RedisStreamSpec

GOOD: dict[str, Any] = {"server": {"url": "redis://redis:6379/0"}, "key": "k", "maxLength": 10}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://redis", "must begin with one of redis://"),
        ("redis://user:hunter2@redis", "must hold no user and no password"),
        ("redis://redis?password=hunter2", "must hold no user and no password"),
        ("redis:///0", "names no host"),
        ("redis+sentinel://one:26379", "names no service"),
        ("redis://[::1", "is no URL"),
    ],
)
def test_a_url_that_is_none_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RedisStreamSpec.model_validate({**GOOD, "server": {"url": url}})


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis",
        "rediss://redis:6380/3",
        "unix:///run/redis.sock",
        "redis+sentinel://a:26379,b:26379/mymaster/2",
        "rediss+cluster://redis:6379",
    ],
)
def test_every_kind_of_server_has_its_url(url: str) -> None:
    assert RedisStreamSpec.model_validate({**GOOD, "server": {"url": url}}).server.url == url


def test_certificates_need_a_url_with_tls() -> None:
    server = {"url": "redis://redis", "tls": {"caSecretRef": {"name": "ca"}}}
    with pytest.raises(ValueError, match="needs a rediss:// URL"):
        RedisStreamSpec.model_validate({**GOOD, "server": server})


def test_a_certificate_needs_its_key() -> None:
    tls = {"certificateSecretRef": {"name": "crt"}}
    with pytest.raises(ValueError, match="go together"):
        RedisStreamSpec.model_validate({**GOOD, "server": {"url": "rediss://redis", "tls": tls}})


def test_dropping_what_is_not_acknowledged_and_keeping_it_contradict_each_other() -> None:
    trim = {"policy": "Always", "references": "ACKED"}
    with pytest.raises(ValueError, match="ACKED keeps what policy Always drops: use Consumed"):
        RedisStreamSpec.model_validate({**GOOD, "trim": trim})


@pytest.mark.parametrize("name", ["../token", ".hidden", "a/b", ""])
def test_a_secret_lies_in_the_folder_of_secrets(name: str) -> None:
    server = {"url": "redis://redis", "passwordSecretRef": {"name": name}}
    with pytest.raises(ValueError, match="name"):
        RedisStreamSpec.model_validate({**GOOD, "server": server})


@pytest.mark.parametrize(("tolerance", "longest"), [("0%", 10), ("10%", 11), ("1%", 11)])
def test_the_band_is_rounded_up(tolerance: str, longest: int) -> None:
    spec = RedisStreamSpec.model_validate({**GOOD, "tolerance": tolerance})

    assert spec.longest == longest
