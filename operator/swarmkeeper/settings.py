"""Settings of the operator, read once: from the command line, or SWARMKEEPER_* in the environment.

Secrets are never settings: they are files, named here and read where they are used.
"""

from __future__ import annotations

import os
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from desired_state.fields import DnsLabel, Duration
from desired_state.sources import VerifyMode

DEFAULT_DOCKER_HOST: Final = "unix:///var/run/docker.sock"
DEFAULT_PORT: Final = 8480


class LogFormat(StrEnum):
    """How log lines are written."""

    CONSOLE = "console"
    """For people."""
    JSON = "json"
    """For machines: one object a line."""


class ApprovalLevel(StrEnum):
    """From which risk on actions need approval."""

    NEVER = "Never"
    """Each object decides for itself."""
    LOW = "Low"
    """Every action."""
    MEDIUM = "Medium"
    """Where running tasks restart or stop."""
    HIGH = "High"
    """Where something is removed, or data could be lost."""


class Settings(BaseSettings):
    """What a running operator needs to know."""

    model_config = SettingsConfigDict(
        env_prefix="SWARMKEEPER_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    data_dir: Path = Path("/var/lib/swarmkeeper/operator")
    """Store, tokens, kubeconfig and fetched artifacts."""
    store: str = ""
    """postgresql://user@host/database, without a password, instead of a SQLite file in the data folder."""
    store_password_file: Path | None = None
    """File with the password for the store."""
    docker_host: str = Field(
        default_factory=lambda: os.environ.get("DOCKER_HOST", DEFAULT_DOCKER_HOST)
    )
    """A Swarm manager: unix:// or tcp://."""

    git: str = ""
    """URL of the git repository with the desired state."""
    branch: str = "main"
    """Branch to follow."""
    tag: str = ""
    """Tag to follow, instead of a branch."""
    path: str = "."
    """Folder of the repository that holds the objects."""
    folder: Path | None = None
    """A plain folder with the desired state, instead of git."""
    source_name: DnsLabel = "desired-state"
    """Name of the GitRepository object that stands for the source."""
    source_interval: Duration = timedelta(seconds=30)
    """How often to look at the source when no webhook asks for it."""
    git_token_file: Path | None = None
    """File with the token for https."""
    git_ssh_key_file: Path | None = None
    """File with the private key for ssh."""
    git_known_hosts_file: Path | None = None
    """File with the ssh host keys to trust."""
    git_ca_file: Path | None = None
    """File with the certificate authorities to trust for https."""
    verify_mode: VerifyMode | None = None
    """What must be signed: HEAD, Tag or TagAndHEAD; by default nothing."""
    verify_keys: Path | None = None
    """Folder with the public keys that signatures are believed by, or a file with them."""
    webhook_secret_file: Path | None = None
    """File with the secret that signs calls of POST /hooks/git; without it the hook is closed."""
    prune: bool = True
    """Whether objects that leave the source are deleted."""
    allow_empty: bool = False
    """Whether a source that declares nothing at all may delete everything."""

    host: str = "127.0.0.1"
    """Address that the API listens on."""
    port: int = Field(default=DEFAULT_PORT, ge=0, le=65535)
    """Port that the API listens on; 0 takes any free one."""
    tls_cert: Path | None = None
    """Certificate, as PEM, for clients that reach the API by name; with `--tls-key`."""
    tls_key: Path | None = None
    """Private key of that certificate."""
    token_secrets: Path = Path("/run/secrets")
    """Folder of Docker secrets: files swarmkeeper-token.ROLE.NAME hold tokens of the API."""
    secrets: Path = Path("/run/secrets")
    """Folder of the secrets that specs name: files, as Docker's are, or folders of files."""
    certificates: Path | None = None
    """Folder that certificates are published in; by default `certificates` in the data folder."""
    traefik_storage: Path | None = None
    """Folder that Traefik keeps its `acme.json` in; by default `traefik` in the data folder."""
    acme_host: str = "127.0.0.1"
    """Address that answers HTTP-01 challenges while a certificate is ordered."""
    acme_port: int = Field(default=8402, ge=0, le=65535)
    """Port of that; the CA is led there from port 80."""
    kubeconfig: Path | None = None
    """Where to write the kubeconfig; by default into the data folder."""
    workers: int = Field(default=4, ge=1, le=64)
    """How many passes may run at once."""
    grace: Duration = timedelta(seconds=10)
    """How long running passes may take to end after SIGTERM."""

    approval_from: ApprovalLevel = ApprovalLevel.NEVER
    """Risk from which on actions on any object need approval: Never, Low, Medium or High."""
    max_actions: int = Field(default=0, ge=0)
    """How many actions may be begun in one period on all objects together; 0 is no limit."""
    max_actions_per: Duration = timedelta(minutes=10)
    """The length of that period."""
    max_unhealthy: str = Field(default="", pattern=r"^(\d+|(\d{1,2}|100)%)?$")
    """How many of a kind's objects (3, or 20%) may be not Ready before nothing risky is done to it."""
    storm_cooldown: Duration = timedelta(minutes=5)
    """How long that goes on after there are fewer again."""
    breaker_failures: int = Field(default=5, ge=0)
    """How many useless actions in a row open an object's breaker; 0: none do."""
    breaker_cooldown: Duration = timedelta(minutes=10)
    """How long a breaker stays open before one action is tried."""

    traces: bool = False
    """Whether traces are sent over OTLP; where to, and how, is in OpenTelemetry's own OTEL_* variables."""
    log_format: LogFormat = LogFormat.CONSOLE
    """console or json."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""

    @property
    def ref(self) -> dict[str, str]:
        """The branch or the tag to follow, as a spec names it."""
        return {"tag": self.tag} if self.tag else {"branch": self.branch}

    @property
    def kubeconfig_path(self) -> Path:
        """Where the kubeconfig is written."""
        return self.kubeconfig or self.data_dir / "kubeconfig"
