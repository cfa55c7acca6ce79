"""Webhooks: only who knows the secret is heard, and odd payloads do no harm."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desired_state.webhook import Pushed, pushed_ref, verify_signature

BODY = b'{"ref": "refs/heads/main"}'
SECRET = "s3cret"
DIGEST = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Hub-Signature-256": f"sha256={DIGEST}"},
        {"x-hub-signature-256": f"sha256={DIGEST.upper()}"},
        {"X-Signature": f"sha256={DIGEST}"},
        {"X-Gitea-Signature": DIGEST},
        {"X-Gitlab-Token": SECRET},
    ],
    ids=["github", "case", "generic", "gitea", "gitlab"],
)
def test_a_genuine_call_is_believed(headers: dict[str, str]) -> None:
    assert verify_signature(BODY, headers, SECRET)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature-256": f"sha256={'0' * 64}"},
        {"X-Hub-Signature-256": f"sha1={DIGEST}"},
        {"X-Hub-Signature": f"sha256={DIGEST}"},
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": "S3cret"},
        {"X-Gitlab-Token": "wr\udce4ng"},
        {"X-Gitlab-Token": "wrong", "X-Hub-Signature-256": f"sha256={DIGEST}"},
    ],
)
def test_any_other_call_is_not(headers: dict[str, str]) -> None:
    assert not verify_signature(BODY, headers, SECRET)


def test_a_changed_body_is_noticed() -> None:
    assert not verify_signature(BODY + b" ", {"X-Signature": f"sha256={DIGEST}"}, SECRET)


def test_without_a_secret_nothing_is_genuine() -> None:
    empty = hmac.new(b"", BODY, hashlib.sha256).hexdigest()

    assert not verify_signature(BODY, {"X-Signature": f"sha256={empty}"}, "")
    assert not verify_signature(BODY, {"X-Gitlab-Token": ""}, "")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            {
                "ref": "refs/heads/feature/x",
                "after": "ab" * 20,
                "repository": {"clone_url": "https://h/r.git", "ssh_url": "git@h:r.git"},
            },
            Pushed(("https://h/r.git", "git@h:r.git"), "feature/x", "ab" * 20),
        ),
        (
            {
                "ref": "refs/heads/main",
                "repository": {"url": "git@h:r.git", "git_http_url": "https://h/r.git"},
                "project": {"git_http_url": "https://h/r.git", "git_ssh_url": "git@h:r.git"},
            },
            Pushed(("https://h/r.git", "git@h:r.git"), "main", ""),
        ),
        ({"ref": "refs/tags/v1"}, Pushed((), "", "")),
        ({"ref": "refs/heads/x", "after": 1, "repository": "no"}, Pushed((), "x", "")),
        ({"zen": "ping"}, None),
        ({"ref": None}, None),
        ([], None),
        (None, None),
    ],
    ids=["github", "gitlab", "tag", "odd", "ping", "null", "list", "nothing"],
)
def test_a_push_is_read_as_far_as_it_goes(payload: object, expected: Pushed | None) -> None:
    assert pushed_ref(payload) == expected


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["ref", "after", "repository", "project", "url"]), inner
    ),
)  # fmt: skip


@given(json_like)
def test_no_payload_makes_it_raise(payload: object) -> None:
    pushed_ref(json.loads(json.dumps(payload)))
