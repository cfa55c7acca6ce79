"""Starting the operator so that what is wrong with its surroundings is told in a sentence."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from desired_state.sources import SourceConfig
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.apiserver.certificates import CertificateError
from swarmkeeper.apiserver.tokens import TokenError
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.run import run
from swarmkeeper.composition import ConfigurationError
from swarmkeeper.settings import Settings
from swarmkeeper.source_settings import demand
from swarmkeeper.store.sql import DatabaseError


def start(settings: Settings) -> None:
    """Runs the operator until a signal comes.

    Raises:
        CommandError: it can't be started as it was asked to.
    """
    _require_usable(settings)
    try:
        run(settings)
    except (ConfigurationError, CertificateError, DatabaseError, TokenError) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{error.strerror or error}".lower()) from error


def _require_usable(settings: Settings) -> None:
    """Refuses what would only be noticed half way through the start."""
    if settings.log_level not in logging.getLevelNamesMapping():
        raise CommandError(
            f"--log-level: {settings.log_level} is none of DEBUG, INFO, WARNING, ERROR"
        )
    try:
        DockerSwarm(settings.docker_host)
    except ValueError as error:
        raise CommandError(f"--docker-host: {error}") from error
    try:
        demand(settings)
    except ValueError as error:
        raise CommandError(str(error)) from error
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise CommandError("--tls-cert and --tls-key go together: give both")
    if settings.git:
        try:
            SourceConfig(url=settings.git, **settings.ref, path=settings.path)
        except ValidationError as error:
            told = (
                f"--{_option(str(each['loc'][0]))}: {each['msg'].removeprefix('Value error, ')}"
                for each in error.errors(include_url=False, include_input=False)
            )
            raise CommandError("; ".join(told)) from None


def _option(field: str) -> str:
    return "git" if field == "url" else field
