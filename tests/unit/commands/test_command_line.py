"""The command line as a whole: the list of commands, exit codes, start-up."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from support.cli import swarmkeeper

from swarmkeeper import cli


def test_without_a_command_the_list_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    ran = swarmkeeper(capsys)

    assert ran.code == 0
    assert all(name in ran.out for name in cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_listed_command_exists_and_begins_its_help_with_the_summary(name: str) -> None:
    command = cli.load(name)

    assert command.name == name
    assert command.help.splitlines()[0] == cli.COMMANDS[name].summary


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["validat"], "Did you mean 'validate'?", id="unknown command"),
        pytest.param(["version", "--loud"], "--loud", id="unknown option"),
        pytest.param(["validate", "a", "b"], "b", id="too many arguments"),
    ],
)
def test_wrong_usage_is_told_and_exits_with_1_because_2_means_drift(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = swarmkeeper(capsys, *arguments)

    assert ran.code == 1
    assert told in ran.err
    assert ran.out == ""


def test_version_names_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    ran = swarmkeeper(capsys, "version")

    assert ran.out.startswith(f"swarmkeeper {version('swarmkeeper')} ")


def test_a_light_command_imports_nothing_heavy() -> None:
    program = (
        "import sys; from swarmkeeper import cli; cli.run(['version']);"
        "print(sorted({'aiohttp', 'docker', 'kopf', 'yaml', 'prometheus_client'} & set(sys.modules)))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )

    assert ran.stdout.splitlines()[-1] == "[]"


def test_python_m_swarmkeeper_is_the_same_program() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "swarmkeeper", "version", "--nonsense"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
