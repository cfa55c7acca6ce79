"""The kind GitRepository, and how its spec and secret become a source."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from desired_state.git_repository import GIT_REPOSITORY, GitRepositorySpec, source_config
from desired_state.validation import validate

SCHEMES = (
    "must begin with https://, http://, ssh:// or file://, be an absolute path, "
    "or be like git@host:path"
)


def spec(**fields: object) -> GitRepositorySpec:
    return GitRepositorySpec.model_validate({"url": "https://example.org/r.git", **fields})


def test_it_is_spelled_as_in_flux_and_never_declared_in_git() -> None:
    assert GIT_REPOSITORY.crd_name == "gitrepositories.swarmkeeper.dev"
    assert GIT_REPOSITORY.short_names == ("gitrepo",)
    assert not GIT_REPOSITORY.from_git
    assert [column.name for column in GIT_REPOSITORY.columns] == [
        "URL", "Ready", "Revision", "Status", "Age",
    ]  # fmt: skip


def test_a_spec_needs_only_a_url() -> None:
    config = source_config(spec())

    assert config.ref == "refs/heads/main"
    assert config.path == "."
    assert config.interval == timedelta(seconds=30)
    assert config.token_file is None


def test_a_spec_hands_everything_on() -> None:
    config = source_config(spec(tag="v1", path="deploy", interval="1m", timeout="5s"))

    assert config.ref == "refs/tags/v1"
    assert config.path == "deploy"
    assert config.interval == timedelta(minutes=1)
    assert config.timeout == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({}, "url", "is required"),
        ({"url": "ftp://h/r"}, "url", SCHEMES),
        ({"url": "https://me:pass@h/r"}, "url", "must not hold a password: give it as a secret"),
        ({"url": "/r", "branch": "a..b"}, "branch",
         "'a..b' is no name that git allows for a branch or a tag"),
        ({"url": "/r", "branch": "-x"}, "branch",
         "'-x' is no name that git allows for a branch or a tag"),
        ({"url": "/r", "path": "../x"}, "path",
         "'../x' must lie inside the repository: no '..', no leading '/'"),
        ({"url": "/r", "tag": "v1", "branch": "main"}, "",
         "tag excludes branch and commit: give one of them"),
        ({"url": "/r", "secretRef": {}}, "secretRef.name", "is required"),
        ({"url": "/r", "verify": {"mode": "Tag"}}, "",
         "verify.mode Tag needs a tag to follow: give tag"),
        ({"url": "/r", "verify": {"mode": "head"}}, "verify.mode",
         "must be one of HEAD, Tag, TagAndHEAD, got 'head'; did you mean HEAD?"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_spec_is_told(
    fields: dict[str, object], field: str, message: str
) -> None:
    _, violations = validate(GitRepositorySpec, fields)

    assert [(".".join(map(str, each.path)), each.message) for each in violations] == [
        (field, message)
    ]


def secret(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def test_a_secret_with_user_and_password_is_for_http(tmp_path: Path) -> None:
    found = secret(tmp_path / "s", username="deploy\n", password="x", known_hosts="y")

    config = source_config(spec(), found)

    assert config.token_file == found / "password"
    assert config.username == "deploy"
    assert config.ssh_key_file is None


def test_a_secret_with_a_key_is_for_ssh(tmp_path: Path) -> None:
    found = secret(tmp_path / "s", identity="x", known_hosts="y", password="z")

    config = source_config(spec(url="git@example.org:r.git"), found)

    assert config.ssh_key_file == found / "identity"
    assert config.known_hosts_file == found / "known_hosts"
    assert config.token_file is None


@pytest.mark.parametrize(
    ("url", "field"),
    [("https://h/r", "token_file"), ("ssh://h/r", "ssh_key_file")],
)
def test_a_secret_that_is_one_file_is_what_the_url_needs(
    tmp_path: Path, url: str, field: str
) -> None:
    file = tmp_path / "secret"
    file.write_text("x")

    assert getattr(source_config(spec(url=url), file), field) == file


def test_a_secret_of_no_use_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as caught:
        source_config(spec(), secret(tmp_path / "git-auth", identity="x"))

    assert str(caught.value) == (
        "the secret git-auth holds none of the files token, password, bearerToken"
    )
