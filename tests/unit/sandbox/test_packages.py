"""Packages: only what is missing is installed, and no daemon is started by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from swarmkeeper.sandbox import packages
from swarmkeeper.sandbox.errors import CommandError, UnsupportedMachineError
from swarmkeeper.sandbox.packages import Package


class Apt:
    """Stands in for apt: notes the commands, and whether the guard was there."""

    def __init__(self, proof: Path, guard: Path) -> None:
        self.proof, self.guard = proof, guard
        self.commands: list[str] = []
        self.guarded: list[str] = []
        self.fails = False

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        env: Mapping[str, str] | None = None,
        folder: str | None = None,
    ) -> str:
        assert timeout > 0
        if env:
            assert env["DEBIAN_FRONTEND"] == "noninteractive"
            self.guarded.append(self.guard.read_text() if self.guard.exists() else "")
        self.commands.append(" ".join([Path(argv[0]).name, *argv[argv.index("--yes") + 1 :]]))
        if self.fails:
            raise CommandError("no network")
        if "install" in argv:
            self.proof.touch()
        return ""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Apt:
    guard = tmp_path / "policy-rc.d"
    made = Apt(tmp_path / "proof", guard)
    monkeypatch.setenv("SWARMKEEPER_SANDBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(packages, "POLICY", guard)
    monkeypatch.setattr(packages, "run", made)
    return made


def wanted(apt: Apt) -> list[Package]:
    return [Package("coreutils", ("/bin/ls",)), Package("absent", ("/nowhere", str(apt.proof)))]


def test_only_what_is_missing_is_installed_and_said(apt: Apt) -> None:
    said: list[str] = []
    packages.ensure(wanted(apt), said.append)
    packages.ensure(wanted(apt), said.append)

    assert apt.commands == [
        "apt-get update",
        "apt-get install --no-install-recommends --no-remove absent",
    ]
    assert said == ["installing Debian packages: absent"]


def test_a_guard_keeps_daemons_from_starting_and_goes_afterwards(apt: Apt) -> None:
    packages.ensure(wanted(apt), lambda _: None)

    assert all("exit 101" in text for text in apt.guarded)
    assert not apt.guard.exists()


def test_a_guard_that_was_there_stays_as_it_is(apt: Apt) -> None:
    apt.guard.write_text("theirs")
    packages.ensure(wanted(apt), lambda _: None)

    assert apt.guarded == ["theirs", "theirs"]
    assert apt.guard.read_text() == "theirs"


def test_a_failure_names_the_packages_and_leaves_no_guard(apt: Apt) -> None:
    apt.fails = True

    with pytest.raises(UnsupportedMachineError, match="could not install absent: no network"):
        packages.ensure(wanted(apt), lambda _: None)
    assert not apt.guard.exists()


def test_a_program_that_another_package_has_will_do(apt: Apt) -> None:
    docker = Package("docker.io", ("/nowhere/dockerd", "/bin/ls"))
    packages.ensure([docker], lambda _: None)

    assert docker.program == "/bin/ls"
    assert apt.commands == []


@pytest.mark.parametrize(
    ("system", "user", "message"),
    [("Darwin", 0, "needs Linux"), ("Linux", 1000, "needs root")],
)
def test_a_machine_or_user_that_will_not_do_is_told_why(
    monkeypatch: pytest.MonkeyPatch, system: str, user: int, message: str
) -> None:
    def constant(value: Any) -> Any:
        return lambda: value

    monkeypatch.setattr("platform.system", constant(system))
    monkeypatch.setattr("os.geteuid", constant(user))

    with pytest.raises(UnsupportedMachineError, match=message):
        packages.require_supported_machine()
