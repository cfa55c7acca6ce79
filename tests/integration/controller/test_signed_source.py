"""From signed commits to objects on the API, and what happens to all others."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from support.harness import Harness
from support.signed import SignedSetting
from support.signing import Signer, needs_ssh, ssh_signer

from desired_state.objects import API_VERSION, ObjectRef
from desired_state.sources import FolderSource, Policy, Source, VerifyMode
from swarmkeeper.controller.source_look import Demand
from swarmkeeper.controller.source_loop import SourceJob, SourceLoop

pytestmark = [pytest.mark.integration, needs_ssh]
SOURCE = ObjectRef("GitRepository", "state")
VERIFY = {"mode": "HEAD", "secretRef": {"name": "keys"}}


def gauge(value: object) -> dict[str, str]:
    text = (
        f"apiVersion: {API_VERSION}\nkind: Gauge\nmetadata: {{name: a}}\nspec: {{value: {value}}}\n"
    )
    return {"a.yaml": text}


class Setting(SignedSetting):
    """A repository whose keys lie in the secret `keys`, an engine, and the loop between them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ada = ssh_signer(folder, "ada")
        self.trust(ada__pub=self.ada.public)
        self.engine = Harness()
        self.engine.objects.create(
            {
                "apiVersion": API_VERSION,
                "kind": "GitRepository",
                "metadata": {"name": "state"},
                "spec": {"url": self.repo.url, "verify": VERIFY},
            },
            actor="test",
        )
        self.loop = self.restarted()

    def restarted(
        self, required: Policy | None = None, source: Source | None = None, **config: object
    ) -> SourceLoop:
        demand = Demand(required, self.folder)
        job = SourceJob(SOURCE, source or self.source(**config), self.engine.scheme, demand)
        return SourceLoop(self.engine.deps, job, lambda _refs: None)

    def value(self) -> object:
        """What is in force on the API."""
        stored = self.engine.objects.get(ObjectRef("Gauge", "a"))
        return stored["spec"]["value"] if stored else None

    def say(self, **spec: object) -> None:
        """Changes the source's spec."""
        self.engine.objects.patch(SOURCE, {"spec": spec}, actor="test")

    def told(self, type_: str = "SourceVerified") -> tuple[str, str, str] | None:
        """Status, reason and message of a condition."""
        for each in self.engine.status(SOURCE)["conditions"]:
            if each["type"] == type_:
                return each["status"], each["reason"], each["message"]
        return None

    def verdict(self, type_: str = "SourceVerified") -> tuple[str, str] | None:
        told = self.told(type_)
        return told[:2] if told else None

    def events(self, reason: str) -> list[str]:
        return [message for _, which, message in self.engine.events() if which == reason]


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def test_a_signed_commit_is_applied_and_names_its_signer(setting: Setting) -> None:
    sha = setting.ada.commit(setting.repo, gauge(1))

    setting.loop.sync()

    assert setting.value() == 1
    message = (
        f"commit {sha[:7]} by Ada <ada@example.org> is signed by ada@example.org "
        f"with the SSH key {setting.ada.fingerprint}"
    )
    assert setting.told() == ("True", "ReconciliationSucceeded", message)
    assert setting.verdict("Ready") == ("True", "ReconciliationSucceeded")
    assert setting.engine.status(SOURCE)["sourceVerificationMode"] == "HEAD"
    assert len(setting.events("SourceVerified")) == 1


def test_an_unchanged_repository_is_verified_again_and_writes_nothing(setting: Setting) -> None:
    setting.ada.commit(setting.repo, gauge(1))
    setting.loop.sync()
    before = setting.engine.stored(SOURCE)

    setting.engine.clock.forward(minutes=5)
    setting.loop.sync()

    assert setting.engine.stored(SOURCE) == before


def test_an_unsigned_commit_changes_nothing_and_says_so_once(setting: Setting) -> None:
    good = setting.ada.commit(setting.repo, gauge(1))
    setting.loop.sync()
    bad = setting.repo.commit(gauge(2))

    setting.loop.sync()
    setting.loop.sync()

    message = f"commit {bad[:7]} by Ada <ada@example.org> is not signed"
    kept = f"{message}; main@sha1:{good} stays in force"
    assert setting.value() == 1
    assert setting.told() == ("False", "Unsigned", kept)
    assert setting.told("Ready") == ("False", "Unsigned", message)
    assert setting.told("ArtifactInStorage") == (
        "True",
        "ReconciliationSucceeded",
        f"main@sha1:{good}",
    )
    assert setting.engine.status(SOURCE)["artifact"]["revision"] == f"main@sha1:{good}"
    assert setting.events("VerificationFailed") == [kept]


def test_the_next_good_commit_is_applied_and_announced(setting: Setting) -> None:
    setting.ada.commit(setting.repo, gauge(1))
    setting.loop.sync()
    setting.repo.commit(gauge(2))
    setting.loop.sync()
    setting.ada.commit(setting.repo, gauge(3))

    setting.loop.sync()

    assert setting.value() == 3
    assert setting.verdict() == ("True", "ReconciliationSucceeded")
    assert len(setting.events("SourceVerified")) == 2


def test_a_first_commit_that_is_not_signed_puts_nothing_in_force(setting: Setting) -> None:
    setting.repo.commit(gauge(1))

    setting.loop.sync()

    assert setting.value() is None
    assert setting.verdict() == ("False", "Unsigned")
    assert setting.verdict("ArtifactInStorage") == ("False", "VerificationFailed")


def test_nothing_fetched_yet_is_unknown(setting: Setting) -> None:
    setting.loop.sync()

    assert setting.verdict() == ("Unknown", "FetchFailed")


def test_a_strangers_commit_is_not_applied_until_the_key_is_trusted(setting: Setting) -> None:
    eve = ssh_signer(setting.folder, "eve")
    eve.commit(setting.repo, gauge(1))
    setting.loop.sync()
    assert (setting.value(), setting.verdict()) == (None, ("False", "UntrustedKey"))

    setting.trust(eve__sshpub=eve.public)
    setting.loop.sync()

    assert setting.value() == 1


def test_a_restart_without_git_puts_the_verified_revision_in_force(setting: Setting) -> None:
    setting.ada.commit(setting.repo, gauge(1))
    setting.loop.sync()
    setting.repo.commit(gauge(2))
    setting.loop.sync()
    shutil.rmtree(setting.repo.folder)
    setting.engine.deps.origins.set({})
    loop = setting.restarted()

    loop.restore()
    loop.sync()

    origin = setting.engine.deps.origins.lookup(ObjectRef("Gauge", "a"))("spec.value")
    assert str(origin).startswith("a.yaml:4@")
    assert setting.value() == 1
    assert setting.verdict() == ("True", "ReconciliationSucceeded")
    assert setting.verdict("Ready") == ("False", "FetchFailed")


def test_a_restart_does_not_use_what_is_no_longer_trusted(setting: Setting) -> None:
    setting.ada.commit(setting.repo, gauge(1))
    setting.loop.sync()
    shutil.rmtree(setting.repo.folder)
    setting.trust(bob__pub=ssh_signer(setting.folder, "bob").public)
    (setting.keys / "ada.pub").unlink()
    setting.engine.deps.origins.set({})
    loop = setting.restarted()

    loop.restore()
    loop.sync()

    assert setting.engine.deps.origins.lookup(ObjectRef("Gauge", "a"))("spec.value") is None
    assert setting.value() == 1, "what is on the API already is left as it is"
    assert setting.verdict() == ("False", "UntrustedKey")
    assert "artifact" not in setting.engine.status(SOURCE)


@pytest.mark.parametrize("signed", [True, False])
def test_what_is_in_force_is_verified_when_signatures_are_asked_for_later(
    setting: Setting, signed: bool
) -> None:
    setting.say(verify=None)
    if signed:
        setting.ada.commit(setting.repo, gauge(1))
    else:
        setting.repo.commit(gauge(1))
    setting.loop.sync()
    assert (setting.value(), setting.told()) == (1, None)
    assert "sourceVerificationMode" not in setting.engine.status(SOURCE)

    setting.say(verify=VERIFY)
    setting.loop.sync()

    expected = ("True", "ReconciliationSucceeded") if signed else ("False", "Unsigned")
    assert setting.verdict() == expected
    assert setting.verdict("Ready") == expected
    assert setting.value() == 1


def test_a_suspended_source_is_verified_all_the_same(setting: Setting) -> None:
    setting.ada.commit(setting.repo, gauge(1))
    setting.loop.sync()
    setting.say(suspend=True)
    setting.trust(revoked_keys=setting.ada.public)

    setting.loop.sync()

    assert setting.verdict() == ("False", "KeyRevoked")
    assert setting.verdict("Ready") == ("Unknown", "Suspended")


@pytest.mark.parametrize(
    ("verify", "told"),
    [
        ({"mode": "HEAD", "secretRef": {"name": "nothing"}}, "nothing: no such file or directory"),
        ({"mode": "HEAD", "secretRef": {"name": "empty"}}, "empty holds no keys"),
        ({"mode": "HEAD", "secretRef": None}, "spec.verify names no secretRef"),
    ],
    ids=["missing", "empty", "unnamed"],
)
def test_keys_that_are_not_there_refuse_everything(
    setting: Setting, verify: dict[str, Any], told: str
) -> None:
    (setting.folder / "empty").mkdir()
    setting.ada.commit(setting.repo, gauge(1))
    setting.say(verify=verify)

    setting.loop.sync()

    condition = setting.told()
    assert condition is not None
    assert condition[:2] == ("False", "KeysUnavailable")
    assert told in condition[2]
    assert setting.value() is None


class TestRequiredBySettings:
    def test_the_api_cannot_take_it_away(self, setting: Setting) -> None:
        setting.say(verify=None)
        loop = setting.restarted(setting.policy())
        setting.repo.commit(gauge(1))

        loop.sync()

        assert (setting.value(), setting.verdict()) == (None, ("False", "Unsigned"))
        assert setting.engine.status(SOURCE)["sourceVerificationMode"] == "HEAD"

    def test_the_api_can_ask_for_more_but_not_with_other_keys(self, setting: Setting) -> None:
        eve: Signer = ssh_signer(setting.folder, "eve")
        (setting.folder / "own").mkdir()
        (setting.folder / "own/eve.pub").write_text(eve.public)
        eve.commit(setting.repo, gauge(1))
        setting.ada.tag(setting.repo, "v1")
        own = {"mode": "HEAD", "secretRef": {"name": "own"}}
        setting.say(tag="v1", verify=own)
        loop = setting.restarted(setting.policy(VerifyMode.TAG), tag="v1")

        loop.sync()

        assert (setting.value(), setting.verdict()) == (None, ("False", "UntrustedKey"))
        assert setting.engine.status(SOURCE)["sourceVerificationMode"] == "TagAndHEAD"

    def test_a_plain_folder_is_never_applied(self, setting: Setting) -> None:
        setting.repo.commit(gauge(1))
        loop = setting.restarted(source=FolderSource(setting.repo.folder))

        loop.sync()

        assert (setting.value(), setting.verdict()) == (None, ("False", "Unsigned"))
