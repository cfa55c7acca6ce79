"""`swarmkeeper token`: issues tokens for the API, lists them and takes them away, also while it runs."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import yaml

from swarmkeeper.apiserver.kubeconfig import write_kubeconfig
from swarmkeeper.apiserver.roles import Role
from swarmkeeper.apiserver.tokens import FOLDER, TokenError, TokenFolder, shown
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.output import Output, OutputOption, write_json
from swarmkeeper.commands.place import DataDir
from swarmkeeper.settings import Settings

_DEFAULT_DIR: Path = Settings.model_fields["data_dir"].default


class RoleChoice(StrEnum):
    """What a token may do."""

    VIEWER = "viewer"
    """Read everything."""
    OPERATOR = "operator"
    """Read everything, and change objects."""
    ADMIN = "admin"
    """Everything."""


Name = Annotated[str, typer.Argument(help="Of the token: who or what will hold it.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown")


@app.callback()
def token() -> None:
    """Issues tokens for the API, lists them and takes them away.

    A running operator takes notice within a second. Exit codes: 0 success, 1 error.
    """


@app.command()
def create(
    name: Name,
    role: Annotated[RoleChoice, typer.Option(help="viewer, operator or admin.")],
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Write a kubeconfig with the token, instead of showing it.")
    ] = None,
    server: Annotated[
        str, typer.Option(help="URL in the kubeconfig; by default that of the operator's own.")
    ] = "",
    certificate_authority: Annotated[
        Path | None,
        typer.Option(help="Certificate to trust in the kubeconfig; by default the operator's own."),
    ] = None,
    data_dir: DataDir = _DEFAULT_DIR,
) -> int:
    """Issues a token; it is shown once, and only its digest is kept."""
    if (server or certificate_authority) and kubeconfig is None:
        raise CommandError("--server and --certificate-authority go with --kubeconfig: give it too")
    if not data_dir.is_dir():
        raise CommandError(f"{data_dir} does not exist: give the operator's --data-dir")
    cluster = _cluster(data_dir, server, certificate_authority) if kubeconfig else _Cluster()
    folder = TokenFolder(data_dir / FOLDER)
    try:
        issued = folder.create(name, Role(role))
    except TokenError as error:
        raise CommandError(str(error)) from None
    if kubeconfig is None:
        typer.echo(issued)
        return 0
    try:
        write_kubeconfig(
            kubeconfig,
            server=cluster.server,
            token=issued,
            authority=cluster.authority,
        )
    except OSError as error:
        folder.revoke(name)
        raise CommandError(f"can't write {kubeconfig}: {error.strerror}") from None
    typer.echo(f"wrote {kubeconfig}")
    return 0


@app.command("list")
def list_(data_dir: DataDir = _DEFAULT_DIR, output: OutputOption = Output.TEXT) -> int:
    """Lists the tokens that were issued: name, role and day, never the token."""
    known = TokenFolder(data_dir / FOLDER).known()
    if output is Output.JSON:
        write_json([shown(each) for each in known])
        return 0
    for each in known:
        created = f"{each.created:%Y-%m-%dT%H:%M:%SZ}" if each.created else ""
        typer.echo(f"{each.name:<24} {each.role:<9} {created}")
    return 0


@app.command()
def revoke(name: Name, data_dir: DataDir = _DEFAULT_DIR) -> int:
    """Takes a token away; its watches end, too."""
    try:
        TokenFolder(data_dir / FOLDER).revoke(name)
    except TokenError as error:
        raise CommandError(str(error)) from None
    typer.echo(f"revoked {name}")
    return 0


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Where a kubeconfig points to."""

    server: str = ""
    authority: bytes = b""


def _cluster(data_dir: Path, server: str, authority: Path | None) -> _Cluster:
    """The cluster of the operator's own kubeconfig, but for what is given."""
    if authority is not None:
        try:
            given = authority.read_bytes()
        except OSError as error:
            raise CommandError(f"can't read {authority}: {error.strerror}") from None
        if server:
            return _Cluster(server, given)
        return replace(_own_cluster(data_dir), authority=given)
    own = _own_cluster(data_dir)
    return replace(own, server=server or own.server)


def _own_cluster(data_dir: Path) -> _Cluster:
    path = data_dir / "kubeconfig"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        cluster = document["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster.get("certificate-authority-data", ""))
        return _Cluster(str(cluster["server"]), authority)
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError):
        raise CommandError(f"{path} can't be read: start the operator once") from None
