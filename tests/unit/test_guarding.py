"""The operator's settings become the guard's rules for all objects."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from swarmkeeper.controller.guard import Policy, Share
from swarmkeeper.guarding import policy_of
from swarmkeeper.runtime.plan import Risk
from swarmkeeper.settings import Settings


def test_by_default_only_the_objects_themselves_limit_anything() -> None:
    assert policy_of(Settings()) == Policy()


def test_every_setting_reaches_the_guard() -> None:
    given: dict[str, Any] = {
        "approval_from": "High",
        "max_actions": 50,
        "max_actions_per": "1h",
        "max_unhealthy": "20%",
        "storm_cooldown": "2m",
        "breaker_failures": 3,
        "breaker_cooldown": "1m",
    }

    assert policy_of(Settings(**given)) == Policy(
        approval_from=Risk.HIGH,
        max_actions=50,
        per=timedelta(hours=1),
        max_unhealthy=Share(20, percent=True),
        storm_cooldown=timedelta(minutes=2),
        breaker_failures=3,
        breaker_cooldown=timedelta(minutes=1),
    )


@pytest.mark.parametrize("text", ["many", "120%", "-1"])
def test_a_share_that_is_none_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValidationError, match="max_unhealthy"):
        Settings(max_unhealthy=text)
