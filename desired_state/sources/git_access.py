"""How git gets at a repository: the token, the ssh key and the trust, given by environment only."""

from __future__ import annotations

import base64
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from desired_state.sources.artifact import FetchFailed
from desired_state.sources.config import SourceConfig

_GITCONFIG = """\
[safe]
\tdirectory = *
[core]
\tautocrlf = false
[fetch]
\tunpackLimit = 1
[credential]
\thelper =
"""


@dataclass(frozen=True, slots=True)
class Access:
    """What git is given for one fetch.

    Attributes:
        env: environment variables.
        secrets: texts that must not appear in any message.
    """

    env: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


@contextmanager
def access(config: SourceConfig, state: Path) -> Iterator[Access]:
    """Prepares the access to a repository; what was written for it is gone afterwards.

    Raises:
        FetchFailed: a file with a secret can't be read.
    """
    gitconfig = state / "gitconfig"
    if not gitconfig.exists() or gitconfig.read_text("utf-8") != _GITCONFIG:
        gitconfig.write_text(_GITCONFIG, "utf-8")
    env = {"GIT_CONFIG_GLOBAL": str(gitconfig)}
    if config.ca_file:
        env["GIT_SSL_CAINFO"] = str(config.ca_file)
    if config.url.startswith(("http://", "https://")):
        secrets = _http(config, env)
        yield Access(env, secrets)
        return
    with tempfile.TemporaryDirectory(prefix="ssh-", dir=state) as folder:
        env["GIT_SSH_COMMAND"] = _ssh(config, state, Path(folder))
        yield Access(env)


def _http(config: SourceConfig, env: dict[str, str]) -> tuple[str, ...]:
    if config.token_file is None:
        return ()
    token = _read(config.token_file, "token")
    parts = urlsplit(config.url)
    place = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    user = config.username or parts.username or "git"
    basic = base64.b64encode(f"{user}:{token}".encode()).decode()
    env["GIT_CONFIG_COUNT"] = "1"
    env["GIT_CONFIG_KEY_0"] = f"http.{place}/.extraHeader"
    env["GIT_CONFIG_VALUE_0"] = f"Authorization: Basic {basic}"
    return (token, basic)


def _ssh(config: SourceConfig, state: Path, folder: Path) -> str:
    """The ssh command: nothing from the user's configuration, and never a question."""
    known = config.known_hosts_file or state / "known_hosts"
    strict = "yes" if config.known_hosts_file else "accept-new"
    options = [
        "BatchMode=yes",
        f"StrictHostKeyChecking={strict}",
        f"UserKnownHostsFile={known}",
        "GlobalKnownHostsFile=/dev/null",
        "ConnectTimeout=10",
    ]
    command = ["ssh", "-F", "/dev/null"]
    if config.ssh_key_file:
        # ssh refuses keys that others may read, as mounted secrets are, and keys without a last
        # line end, as pasted ones are.
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_text(_read(config.ssh_key_file, "ssh key") + "\n", "utf-8")
        command += ["-i", str(key)]
        options.append("IdentitiesOnly=yes")
    return shlex.join(command + [part for option in options for part in ("-o", option)])


def _read(file: Path, what: str) -> str:
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise FetchFailed(f"the {what} cannot be read from {file}: {reason}") from None
    if not text:
        raise FetchFailed(f"the {what} in {file} is empty")
    return text
