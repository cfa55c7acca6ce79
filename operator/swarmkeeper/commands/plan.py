"""`swarmkeeper plan`: the dry run, for people and as a check on a pull request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desired_state.snapshot import Snapshot
from reconcilers.registry import RECONCILERS
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.adapters.http import UrlProbe
from swarmkeeper.adapters.postgres.backups import PostgresBackups
from swarmkeeper.adapters.redis.streams import EXPORTS, RedisStreams
from swarmkeeper.adapters.secret_folder import SECRETS, SecretFolder
from swarmkeeper.adapters.tls.certificates import in_data_folder
from swarmkeeper.commands import plan_report
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.output import Output, OutputOption, write_json
from swarmkeeper.commands.plan_report import Verdict
from swarmkeeper.commands.tree import FolderArgument, place, read
from swarmkeeper.controller.dry_run import Preview, preview
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.settings import DEFAULT_DOCKER_HOST

DockerHostOption = Annotated[
    str,
    typer.Option(envvar="DOCKER_HOST", help="A Swarm manager: unix:// or tcp://."),
]

SecretsOption = Annotated[
    Path,
    typer.Option(
        envvar="SWARMKEEPER_SECRETS",
        help="Folder of the secrets that specs name.",
        show_default=False,
    ),
]

CertificatesOption = Annotated[
    Path | None,
    typer.Option(
        envvar="SWARMKEEPER_CERTIFICATES",
        help="Folder of the operator's published certificates, where it is seen from here.",
    ),
]


def command(
    path: FolderArgument = plan_report.HERE,
    docker_host: DockerHostOption = DEFAULT_DOCKER_HOST,
    secrets: SecretsOption = SECRETS,
    certificates: CertificatesOption = None,
    output: OutputOption = Output.TEXT,
) -> int:
    """Shows what the operator would do now, and changes nothing.

    Each field that is not as declared is shown with what is wanted, what was found and where the wish
    stands; then the runbooks that would run, their risk, and whether tasks would restart. Exit codes:
    0 in sync, 2 drift, 1 error: a file is not valid, or something could not be read.
    """
    snapshot = read(path)
    previews = preview(snapshot, RECONCILERS, real_ports(docker_host, secrets, certificates))
    verdict = plan_report.judge(snapshot, previews)
    if output is Output.JSON:
        write_json(plan_report.document(snapshot, previews, verdict))
    else:
        _write(path, snapshot, previews)
    return _EXIT_CODES[verdict]


_EXIT_CODES = {Verdict.IN_SYNC: 0, Verdict.DRIFT: 2, Verdict.UNKNOWN: 1, Verdict.INVALID: 1}


def real_ports(docker_host: str, secrets: Path, certificates: Path | None) -> Ports:
    """The outside world: a Swarm manager, HTTP, and this machine's clock.

    Raises:
        CommandError: that is no address of an engine.
    """
    try:
        folder, clock = SecretFolder(secrets, lambda _: None), SystemClock()
        streams, backups = RedisStreams(folder, Path(EXPORTS)), PostgresBackups(folder)
        here, listen = Path(), ("127.0.0.1", 0)
        tls = in_data_folder(folder, here, certificates, clock, listen)
        swarm, http = DockerSwarm(docker_host), UrlProbe()
        return Ports(swarm, http, clock, streams, backups, tls)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _write(path: FolderArgument, snapshot: Snapshot, previews: list[Preview]) -> None:
    for problem in snapshot.problems:
        typer.echo(place(path, problem), err=True)
    for line in plan_report.lines(snapshot, previews):
        typer.echo(line)
