"""Programs that answer DNS-01."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkeeper.adapters.tls.hooks import Hooks
from swarmkeeper.runtime.certificates import CertificateError

RECORD = ("_acme-challenge.app.test.", "value")


def write(folder: Path, script: str) -> None:
    program = folder / "dns"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize("padding", ["", "x" * 290], ids=["whole", "at the cut"])
def test_the_end_of_what_a_program_said_is_told_without_the_secrets_of_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, padding: str
) -> None:
    monkeypatch.setenv("DNS_API_TOKEN", "s3cr3t-of-the-provider")
    monkeypatch.setenv("DNS_ZONE", "zone-of-ours")
    write(tmp_path, f'echo "401 for $DNS_API_TOKEN{padding} in $DNS_ZONE" >&2; exit 3')

    with pytest.raises(CertificateError) as caught, Hooks(tmp_path).presenting("dns", [RECORD]):
        pytest.fail("it was not presented")

    assert caught.value.reason == "HookFailed"
    assert "ended with 3" in caught.value.message
    assert "zone-of-ours" in caught.value.message
    assert "provider" not in caught.value.message


def test_what_was_presented_is_taken_away_also_where_the_next_one_fails(tmp_path: Path) -> None:
    write(tmp_path, f'echo "$1 $3" >> {tmp_path}/calls; [ "$1 $3" != "present two" ]')
    records = [("a.", "one"), ("a.", "two")]

    with pytest.raises(CertificateError), Hooks(tmp_path).presenting("dns", records):
        pytest.fail("it was not presented")

    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["present one", "present two", "cleanup one", "cleanup two"]
