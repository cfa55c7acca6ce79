"""What the settings ask of a source, and what of it stands in the GitRepository object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desired_state.sources import Policy, VerifyMode
from swarmkeeper.controller.source_look import Demand
from swarmkeeper.settings import Settings
from swarmkeeper.source_settings import demand, seeded

GIT = {"git": "https://example.org/state.git"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"verify_mode": "HEAD"}, "--verify-mode and --verify-keys go together: give both"),
        ({"verify_keys": "/k"}, "--verify-mode and --verify-keys go together: give both"),
        ({"verify_mode": "Tag", "verify_keys": "/k"},
         "--verify-mode: Tag needs a tag to follow, give --tag"),
        ({"folder": "/f", "verify_mode": "HEAD", "verify_keys": "/k"},
         "--verify-mode: a plain folder is not signed, use --git"),
    ],
)  # fmt: skip
def test_signatures_that_cannot_be_asked_for_are_refused(
    given: dict[str, object], told: str
) -> None:
    with pytest.raises(ValueError) as caught:
        demand(Settings.model_validate(given))

    assert str(caught.value) == told


def test_signatures_are_asked_for_by_mode_and_keys() -> None:
    settings = {**GIT, "tag": "v1", "verify_mode": "TagAndHEAD", "verify_keys": "/keys"}

    assert demand(Settings.model_validate(GIT)) == Demand()
    assert demand(Settings.model_validate(settings)) == Demand(
        Policy(VerifyMode.TAG_AND_HEAD, Path("/keys"))
    )


@pytest.mark.parametrize(
    ("stored", "wanted", "spec"),
    [
        ({"branch": "main", "suspend": True}, {"branch": "next"},
         {"branch": "next", "suspend": True}),
        ({"branch": "main"}, {"tag": "v1"}, {"tag": "v1"}),
        ({"tag": "v1"}, {"branch": "main"}, {"branch": "main"}),
        ({"verify": {"mode": "HEAD"}}, {}, {}),
        ({"verify": {"mode": "Tag"}}, {"verify": {"mode": "HEAD"}}, {"verify": {"mode": "HEAD"}}),
        ({"verify": {"mode": "HEAD", "secretRef": {"name": "s"}}}, {},
         {"verify": {"mode": "HEAD", "secretRef": {"name": "s"}}}),
        ({"verify": {"mode": "HEAD", "secretRef": {"name": "s"}}}, {"verify": {"mode": "Tag"}},
         {"verify": {"mode": "Tag", "secretRef": {"name": "s"}}}),
    ],
    ids=["settings-win", "to-a-tag", "to-a-branch", "no-more", "another-mode", "own", "own-keys"],
)  # fmt: skip
def test_the_spec_says_what_the_settings_say_and_keeps_the_rest(
    stored: dict[str, Any], wanted: dict[str, Any], spec: dict[str, Any]
) -> None:
    assert seeded(stored, wanted) == spec
