"""`swarmkeeper run` that asks for signatures, seen with kubectl."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.kubectl import Kubectl, find_kubectl
from support.signed import SignedSetting
from support.signing import needs_ssh, ssh_signer

pytestmark = [pytest.mark.integration, needs_ssh]
SOURCE = "gitrepository/desired-state"


@contextmanager
def operator(setting: SignedSetting) -> Iterator[Kubectl]:
    """An operator on the repository, and kubectl on it."""
    home = setting.folder / "home"
    home.mkdir(exist_ok=True)
    options = {
        "data-dir": setting.folder / "data",
        "port": 0,
        "kubeconfig": home / "config",
        "git": setting.repo.url,
        "source-interval": "1h",
        "verify-mode": "HEAD",
        "verify-keys": setting.keys,
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    log = setting.folder / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "swarmkeeper", "run", *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stderr
            up = any("operator is up" in line for line in process.stderr)
            drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=errors)
            assert up
            try:
                yield Kubectl(find_kubectl(), home)
            finally:
                process.terminate()
        drain.wait(20)
    assert process.returncode == 0, log.read_text()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def told(kubectl: Kubectl) -> str:
    path = '{.status.conditions[?(@.type=="SourceVerified")].message}'
    return kubectl("get", SOURCE, "-o", f"jsonpath={path}")


def test_an_unsigned_commit_changes_nothing_and_says_so_also_after_a_restart(
    tmp_path: Path,
) -> None:
    setting = SignedSetting(tmp_path)
    ada = ssh_signer(tmp_path, "ada")
    setting.trust(ada__pub=ada.public)
    good = ada.commit(setting.repo, {})
    with operator(setting) as kubectl:
        kubectl("wait", SOURCE, "--for=condition=SourceVerified", "--timeout=20s")
        assert ada.fingerprint in told(kubectl)
        bad = setting.repo.commit({})
        kubectl("annotate", SOURCE, "swarmkeeper.dev/requested-at=now")
        kubectl("wait", SOURCE, "--for=condition=SourceVerified=false", "--timeout=20s")
        kubectl("patch", SOURCE, "--type=merge", "--patch", '{"spec": {"verify": null}}')
        eventually(lambda: "VerificationFailed" in kubectl("get", "events"))

    with operator(setting) as kubectl:
        kubectl("wait", SOURCE, "--for=condition=SourceVerified=false", "--timeout=20s")
        refused = f"commit {bad[:7]} by Ada <ada@example.org> is not signed"
        assert told(kubectl) == f"{refused}; main@sha1:{good} stays in force"
        mode = kubectl(
            "get", SOURCE, "-o", "jsonpath={.spec.verify}{.status.sourceVerificationMode}"
        )
        assert mode == '{"mode":"HEAD"}HEAD'
