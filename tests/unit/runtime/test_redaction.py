"""What is taken out of texts, and what is left in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkeeper.runtime.redaction import HIDDEN, REMEMBERED, SHORTEST, Redactor


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("postgres://app:pa55@db/x refused", "postgres://app:***@db/x refused"),
        ("redis://:pa/5:5@cache:6379", "redis://:***@cache:6379"),
        ("https://ghp_abc@github.com/x.git", "https://***@github.com/x.git"),
        ("host=db password=pa55 user=x", "host=db password=*** user=x"),
        ("password='pa55'", "password='***'"),
        ("env API_TOKEN=abc, next", "env API_TOKEN=***, next"),
        ('{"db_password": "pa55", "n": 1}', '{"db_password": "***", "n": 1}'),
        ("{'token': 'pa55'}", "{'token': '***'}"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("sent Bearer abcdefgh123", "sent Bearer ***"),
        ("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY----- end", "*** end"),
    ],
)
def test_what_looks_like_a_secret_goes(text: str, left: str) -> None:
    assert Redactor().text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8080/health: status 500",
        "ssh://git@example.org/x.git at main@sha1:3f2a91c",
        "registry:5000/app@sha256:abc not found",
        "spec.env.API_TOKEN: want sha256:1234abcd…, got <absent> (web.yaml:12@3f2a91c)",
        "postgres://app:sha256:1234abcd…@db/x",
        "spec.secrets: want token_v2, got token_v1",
        "token_file=/run/secrets/git-token",
        "the engine asks for basic authentication",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_known_secret_goes_in_every_spelling() -> None:
    redactor = Redactor(["pa \"55' é/"])
    texts = ["pa \"55' é/", "pa%20%2255%27%20%C3%A9%2F", "cGEgIjU1JyDDqS8="]

    assert [redactor.text(f"x {text} y") for text in texts] == [f"x {HIDDEN} y"] * 3
    assert redactor.text(repr(["pa \"55' é/"])) == f"['{HIDDEN}']"


def test_the_secrets_of_a_document_are_known_as_long_as_the_pass_runs() -> None:
    redactor = Redactor()
    spec = {"env": {"API_TOKEN": "hunter22"}, "args": ["--db", "postgres://u:hunter33@db"]}

    with redactor.within(spec):
        assert redactor.text("hunter22 and hunter33") == f"{HIDDEN} and {HIDDEN}"
    assert redactor.text("hunter22 and hunter33") == "hunter22 and hunter33"


def test_a_short_word_is_not_taken_for_a_secret() -> None:
    assert Redactor(["true"]).text("that is true") == "that is true"


@pytest.mark.parametrize(
    "part", ["a", "://", "://a:", "a=", "bearer ", "-----BEGIN PRIVATE KEY-----"]
)
def test_a_long_text_of_one_kind_takes_no_longer_than_its_length(part: str) -> None:
    text = part * (200_000 // len(part))

    assert Redactor().text(text + ":=")  # a pattern that looks back and forth would take hours


def test_documents_keep_their_shape_and_names() -> None:
    document = {"hunter22": ["a hunter22", 1, None, True, {"x": "hunter22"}]}

    assert Redactor(["hunter22"]).document(document) == {
        "hunter22": [f"a {HIDDEN}", 1, None, True, {"x": HIDDEN}]
    }


_SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=SHORTEST)


@given(_SECRETS.filter(lambda s: len(s.strip()) >= SHORTEST), st.text(), st.text())
def test_no_known_secret_is_left(secret: str, before: str, after: str) -> None:
    hidden = Redactor([secret]).text(before + secret + after)

    assert secret.strip() not in hidden


@given(st.text())
def test_what_is_redacted_stays_as_it_is_when_it_is_redacted_again(text: str) -> None:
    once = Redactor().text(text)

    assert Redactor().text(once) == once


def test_a_secret_file_that_is_renewed_is_known_at_once_and_what_it_held_still(
    tmp_path: Path,
) -> None:
    file, other = tmp_path / "password", tmp_path / "new"
    redactor = Redactor(files=[file])
    assert redactor.text("the first one") == "the first one"

    for secret in ("first-secret", "other-secret"):  # of one length: only its times tell
        file.write_text(f"{secret}\n")
        assert redactor.text(f"server said {secret}") == "server said ***"
    other.write_text("third-secret")
    other.rename(file)
    assert redactor.text("first-secret other-secret third-secret") == "*** *** ***"
    file.unlink()
    assert redactor.document({"is": ["third-secret"]}) == {"is": ["***"]}


def test_a_secret_file_that_is_renewed_often_does_not_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "token"
    redactor = Redactor(files=[file])

    for number in range(3 * REMEMBERED):
        file.write_text(f"secret-{'x' * number}-{number}")
        redactor.text("")

    held = [f"secret-{'x' * number}-{number}" for number in range(3 * REMEMBERED)]
    assert [redactor.text(secret) for secret in held[-REMEMBERED:]] == ["***"] * REMEMBERED
    assert redactor.text(held[0]) == held[0]
