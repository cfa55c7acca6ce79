"""Tokens, ssh keys and servers that hang: over real HTTP, and with a stand-in for ssh."""

from __future__ import annotations

import base64
import logging
import os
import shlex
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.repositories import GitServer, Repository, serve

from desired_state.sources import FetchFailed, GitSource, SourceConfig
from desired_state.sources.git_access import access

pytestmark = pytest.mark.integration

TOKEN = "s3cr3t-t0ken-value"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "served" / "repo")
    repository.commit({"a.yaml": "a: 1\n"})
    return repository


@pytest.fixture
def server(repo: Repository) -> Iterator[GitServer]:
    with serve(GitServer(repo.folder.parent, token=TOKEN)) as running:
        yield running


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return file


def source(server: GitServer, state: Path, **config: object) -> GitSource:
    url = f"{server.url}/repo/.git"
    return GitSource(SourceConfig.model_validate({"url": url, "timeout": "20s", **config}), state)


def failure(follows: GitSource) -> str:
    with pytest.raises(FetchFailed) as caught:
        follows.fetch()
    return caught.value.message


def everything_written(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_a_token_opens_the_repository_and_is_written_nowhere(
    repo: Repository,
    server: GitServer,
    token_file: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    state = tmp_path / "state"
    follows = source(server, state, tokenFile=token_file)

    follows.fetch()
    head = repo.commit({"a.yaml": "a: 2\n"})

    assert follows.fetch().revision == f"main@sha1:{head}"
    secrets = [TOKEN.encode(), base64.b64encode(f"git:{TOKEN}".encode())]
    assert all(secret not in everything_written(state) for secret in secrets)
    assert TOKEN not in caplog.text
    assert set(server.authorizations) == {f"Basic {secrets[1].decode()}"}


def test_the_token_is_on_no_command_line(
    server: GitServer, token_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "arguments"
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    real = next(p for p in os.environ["PATH"].split(":") if (Path(p) / "git").exists())
    fake.write_text(f'#!/bin/sh\necho "$@" >> {record}\nexec {real}/git "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")

    source(server, tmp_path / "state", tokenFile=token_file).fetch()

    assert "ls-remote" in record.read_text()
    assert TOKEN not in record.read_text()
    assert "Basic" not in record.read_text()


@pytest.mark.parametrize("given", ["wrong", None])
def test_a_wrong_or_missing_token_is_told_without_being_shown(
    server: GitServer, tmp_path: Path, given: str | None
) -> None:
    config = {}
    if given:
        (tmp_path / "token").write_text("wr0ng-t0ken")
        config["tokenFile"] = tmp_path / "token"

    message = failure(source(server, tmp_path / "state", **config))

    assert "authentication failed: check the token" in message
    assert "wr0ng-t0ken" not in message


def test_the_user_name_can_be_given(server: GitServer, token_file: Path, tmp_path: Path) -> None:
    source(server, tmp_path / "state", tokenFile=token_file, username="deploy").fetch()

    assert base64.b64encode(f"deploy:{TOKEN}".encode()).decode() in server.authorizations[0]


def test_a_new_token_is_used_at_the_next_fetch(
    repo: Repository, server: GitServer, token_file: Path, tmp_path: Path
) -> None:
    follows = source(server, tmp_path / "state", tokenFile=token_file)
    follows.fetch()
    server.token = "r0tated"
    assert "authentication failed" in failure(follows)
    token_file.write_text("r0tated")

    assert follows.fetch().revision.startswith("main@")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "the token cannot be read from {}: No such file or directory"),
        ("", "the token in {} is empty"),
    ],
)
def test_a_token_file_of_no_use_is_told(
    server: GitServer, tmp_path: Path, content: str | None, expected: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)

    assert failure(source(server, tmp_path / "state", tokenFile=file)) == expected.format(file)


def test_a_repository_that_the_server_does_not_have_is_told(
    server: GitServer, token_file: Path, tmp_path: Path
) -> None:
    config = SourceConfig(url=f"{server.url}/other.git", token_file=token_file)

    message = failure(GitSource(config, tmp_path / "state"))

    assert "there is no such repository, or no right to see it" in message


def test_a_server_without_git_works_too(repo: Repository, tmp_path: Path) -> None:
    repo.git("update-server-info")
    with serve(GitServer(repo.folder.parent, dumb=True)) as running:
        artifact = source(running, tmp_path / "state").fetch()

    assert (artifact.path / "a.yaml").read_text() == "a: 1\n"


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    config = SourceConfig(url=f"http://someone@127.0.0.1:{port}/repo.git")

    message = failure(GitSource(config, tmp_path / "state"))

    assert message.startswith(f"http://127.0.0.1:{port}/repo.git: the server cannot be reached")
    assert "someone" not in message


def test_a_server_that_hangs_is_given_up_and_everything_is_ended(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/repo.git"
        config = SourceConfig.model_validate({"url": url, "timeout": "300ms"})

        message = failure(GitSource(config, tmp_path / "state"))

        assert message == f"{url}: no answer within 0.3s"
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            while connection.recv(65536):
                pass  # ends only when the process at the other end is gone


def test_a_fetch_that_hangs_midway_leaves_a_source_that_works(
    repo: Repository, server: GitServer, token_file: Path, tmp_path: Path
) -> None:
    follows = source(server, tmp_path / "state", tokenFile=token_file, timeout="1s")
    first = follows.fetch()
    head = repo.commit({"a.yaml": "a: 2\n"})
    server.hang_on = b"command=fetch"

    assert failure(follows).endswith("no answer within 1s")
    assert follows.last == first
    server.hang_on = b""
    server.released.set()
    assert follows.fetch().revision == f"main@sha1:{head}"


def fake_ssh(folder: Path) -> Path:
    """A stand-in for ssh that notes how it was called and runs the command here."""
    folder.mkdir()
    script = folder / "ssh"
    script.write_text(
        "#!/bin/sh\n"
        f'printf "%s\\n" "$@" >> {folder}/arguments\n'
        "previous=\n"
        'for argument; do\n  [ "$previous" = -i ] && { cat "$argument"; stat -c %a "$argument"; }'
        f' >> {folder}/key\n  previous="$argument"\ndone\n'
        'eval "$previous"\n'
    )
    script.chmod(0o755)
    return folder


def test_ssh_is_called_with_key_and_known_hosts_and_nothing_of_the_user(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fake_ssh(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    key = tmp_path / "key of ours"
    key.write_text("KEY")
    key.chmod(0o444)
    hosts = tmp_path / "hosts"
    hosts.touch()
    state = tmp_path / "state"

    artifact = repo.source(
        state, url=f"ssh://git@example.org{repo.folder}", sshKeyFile=key, knownHostsFile=hosts
    ).fetch()

    arguments = (folder / "arguments").read_text().splitlines()
    assert artifact.revision.startswith("main@")
    assert arguments[:2] == ["-F", "/dev/null"]
    assert "StrictHostKeyChecking=yes" in arguments
    assert f"UserKnownHostsFile={hosts}" in arguments
    assert {"BatchMode=yes", "IdentitiesOnly=yes", "GlobalKnownHostsFile=/dev/null"} < set(
        arguments
    )
    assert (folder / "key").read_text().splitlines()[:2] == ["KEY", "600"]
    assert b"KEY" not in everything_written(state)
    assert stat.S_IMODE(key.stat().st_mode) == 0o444


def test_without_known_hosts_the_first_key_is_kept(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fake_ssh(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    state = tmp_path / "state"

    repo.source(state, url=f"git@example.org:{repo.folder}").fetch()

    arguments = (folder / "arguments").read_text().splitlines()
    assert "StrictHostKeyChecking=accept-new" in arguments
    assert f"UserKnownHostsFile={state}/known_hosts" in arguments
    assert "IdentitiesOnly=yes" not in arguments


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs an ssh client")
def test_a_real_ssh_understands_every_option(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("KEY")
    config = SourceConfig.model_validate({"url": "ssh://git@example.org/r", "sshKeyFile": key})

    with access(config, tmp_path) as granted:
        command = shlex.split(granted.env["GIT_SSH_COMMAND"])
        done = subprocess.run([*command, "-G", "example.org"], capture_output=True, check=True)

    settings = done.stdout.decode().splitlines()
    assert "batchmode yes" in settings
    assert "stricthostkeychecking accept-new" in settings
    assert f"userknownhostsfile {tmp_path}/known_hosts" in settings


def test_authorities_of_our_own_are_trusted_instead_of_the_systems(tmp_path: Path) -> None:
    config = SourceConfig(url="https://example.org/r", ca_file=tmp_path / "ca.crt")

    with access(config, tmp_path) as granted:
        assert granted.env["GIT_SSL_CAINFO"] == str(tmp_path / "ca.crt")
