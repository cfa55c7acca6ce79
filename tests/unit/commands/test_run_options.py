"""`swarmkeeper run`: one option for each setting, checked before anything starts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.cli import swarmkeeper

from swarmkeeper import cli
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.operate import read_settings
from swarmkeeper.settings import Settings


def test_every_setting_is_an_option_with_help() -> None:
    options = {
        parameter.name: parameter.help for parameter in cli.load("run").params if parameter.help
    }

    assert options.keys() >= Settings.model_fields.keys()


def test_an_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMKEEPER_PORT", "1")
    monkeypatch.setenv("SWARMKEEPER_SOURCE_INTERVAL", "5m")

    settings = read_settings({"port": 2, "data_dir": Path("/data")})

    assert settings.port == 2
    assert settings.source_interval == timedelta(minutes=5)
    assert settings.data_dir == Path("/data")


def test_all_wrong_values_are_told_by_their_option(capsys: pytest.CaptureFixture[str]) -> None:
    ran = swarmkeeper(capsys, "run", "--port", "99999", "--grace", "soon")

    assert ran.code == 1
    assert "--port: " in ran.err
    assert "--grace: 'soon' is not a duration" in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["--docker-host", "ftp://x"], "--docker-host: ", id="no engine's address"),
        pytest.param(["--git", "nonsense"], "--git: must begin with https://", id="no URL"),
        pytest.param(["--git", "/x", "--path", "../up"], "--path: ", id="outside the repository"),
        pytest.param(["--log-level", "LOUD"], "--log-level: LOUD is none of", id="log level"),
        pytest.param(["--git", "/x", "--tag", "a..b"], "--tag: ", id="no tag"),
        pytest.param(
            ["--git", "/x", "--verify-mode", "HEAD"], "give both", id="signatures by nobody"
        ),
    ],
)
def test_what_keeps_it_from_starting_is_a_sentence(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = swarmkeeper(capsys, "run", "--data-dir", str(tmp_path), "--port", "0", *arguments)

    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith("error: ")
    assert told in ran.err


def test_a_wrong_value_of_the_environment_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMKEEPER_WORKERS", "0")

    with pytest.raises(CommandError, match="--workers"):
        read_settings({})
