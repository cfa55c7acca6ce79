"""Validation outside files: unions, secrets, and pydantic's rarer errors in plain words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, field_validator

from desired_state.declared import DeclaredModel
from desired_state.fields import DnsLabel, format_bytes, parse_bytes
from desired_state.secret_names import is_secret_name
from desired_state.suggest import as_dns_label, closest
from desired_state.validation import validate

NOTHING = ": give it a value or remove the field"


class Scale(DeclaredModel):
    """Scales."""

    type: Literal["scale"]
    replicas: int = Field(ge=1)


class Notify(DeclaredModel):
    """Notifies."""

    type: Literal["notify"]
    send_to: str


class Model(DeclaredModel):
    """Everything that may go wrong."""

    action: Annotated[Scale | Notify, Field(discriminator="type")] | None = None
    actions: tuple[Scale | Notify, ...] = ()
    level: int | str | None = None
    default: bool = False
    ratio: float = Field(default=0.5, gt=0, lt=1)
    step: int = Field(default=2, multiple_of=2)
    code: str = Field(default="abc", min_length=2, max_length=4, pattern="^[a-z]+$")
    names: dict[DnsLabel, int] = Field(default_factory=dict)
    since: datetime | None = None
    items: list[str] = Field(default_factory=lambda: ["a"], min_length=1)
    api_token: str = "none"
    even: int = 2

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError(f"{value} is not\n  even")
        return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"action": {"type": "scale", "replicas": 0}}, {"action.replicas": "must be at least 1, got 0"}),
        ({"action": {"type": "scale", "replica": 1}}, {
            "action.replicas": "is required",
            "action.replica": "unknown field; did you mean replicas?",
        }),
        ({"action": {"type": "notify", "send_to": "x"}}, {
            "action.sendTo": "is required",
            "action.send_to": "unknown field; did you mean sendTo?",
        }),
        ({"level": 1.5}, {"level": "must be a whole number or text, got 1.5"}),
        ({"default": "true"}, {"default": "must be true or false, got 'true' as text: remove the quotes"}),
        ({"default": 1}, {"default": "must be true or false, got 1"}),
        ({"ratio": 1}, {"ratio": "must be less than 1.0, got 1"}),
        ({"ratio": 0}, {"ratio": "must be more than 0.0, got 0"}),
        ({"ratio": "0.5"}, {"ratio": "must be a number, got '0.5' as text: remove the quotes"}),
        ({"step": 3}, {"step": "must be a multiple of 2, got 3"}),
        ({"code": "a"}, {"code": "must have at least 2 characters, got 1"}),
        ({"code": "abcde"}, {"code": "must have at most 4 characters, got 5"}),
        ({"code": "a1"}, {"code": "must match ^[a-z]+$, got 'a1'"}),
        ({"items": []}, {"items": "must have at least 1 item, got 0"}),
        ({"even": 3}, {"even": "3 is not even"}),
        ({"even": None}, {"even": f"must be a whole number, got nothing{NOTHING}"}),
        ({"code": "x" * 99}, {"code": "must have at most 4 characters, got 99"}),
        ({"api_token": "hunter22"}, {"api_token": "unknown field; did you mean apiToken?"}),
        ({"apiToken": ["hunter22"]}, {"apiToken": "must be text (its value is not shown)"}),
        ({"level": [], "default": "a-hunter22", "apiToken": "hunter22"}, {
            "level": "must be a whole number or text, got a list",
            "default": "must be true or false, got 'a-***'",
        }),
        ([], {"": "must be a mapping (key: value), got a list"}),
        (None, {"": f"must be a mapping (key: value), got nothing{NOTHING}"}),
    ],
)  # fmt: skip
def test_errors_are_told_in_plain_words(value: Any, expected: dict[str, str]) -> None:
    model, violations = validate(Model, value)

    assert model is None
    assert {".".join(map(str, each.path)): each.message for each in violations} == expected


def test_errors_without_words_of_ours_keep_pydantics() -> None:
    _, violations = validate(Model, {"since": "soon", "names": {"A_b": 1}})

    told = {".".join(map(str, each.path)): each.message for each in violations}
    assert told["since"].startswith("input should be a valid datetime")
    assert told["since"].endswith("got 'soon'")
    assert "did you mean a-b?" in told["names.A_b"]


def test_a_union_without_a_type_tells_each_way_in_which_it_fails() -> None:
    _, violations = validate(Model, {"actions": [{"type": "scale", "replicas": 0}]})

    assert ("actions", 0, "replicas") in {each.path for each in violations}


def test_what_is_right_gives_the_model() -> None:
    model, violations = validate(Model, {"level": "high", "ratio": 0.25, "default": True})

    assert violations == ()
    assert model is not None
    assert (model.level, model.ratio, model.default) == ("high", 0.25, True)


@pytest.mark.parametrize("text", ["1", "256Mi", "1Gi", "3Ti", "1023Ki", "1000", "0"])
def test_memory_is_written_as_it_is_declared(text: str) -> None:
    assert format_bytes(parse_bytes(text)) == text


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("DB_PASSWORD", True),
        ("apiKey", True),
        ("REDIS_PWD", True),
        ("secret", True),
        ("tokens", True),
        ("secretRef", False),
        ("TOKEN_FILE", False),
        ("secretName", False),
        ("LOG_LEVEL", False),
        ("pwdless", False),
    ],
)
def test_names_of_secrets_are_known(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


def test_suggestions_are_near_or_not_given() -> None:
    known = ("dependsOn", "replicas", "retryInterval")

    assert closest("depends_on", known) == "dependsOn"
    assert closest("DEPENDSON", known) == "dependsOn"
    assert closest("replcias", known) == "replicas"
    assert closest("volume", known) is None
    assert as_dns_label("My_App.v2!") == "my-app-v2"
    assert as_dns_label("___") == ""
