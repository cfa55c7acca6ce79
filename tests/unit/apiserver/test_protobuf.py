"""Bodies in protobuf, byte by byte as kubectl sends them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkeeper.apiserver import protobuf
from swarmkeeper.runtime.ports import ApiError


def field(number: int, value: bytes) -> bytes:
    """Wire type 2."""
    return bytes([number << 3 | 2, len(value)]) + value


def body(kind: bytes, raw: bytes) -> bytes:
    type_ = field(1, b"v1") + field(2, kind)
    return b"k8s\0" + field(1, type_) + field(2, raw) + field(3, b"") + field(4, b"")


def test_a_namespace_is_read() -> None:
    label = field(1, b"tier") + field(2, b"x")
    metadata = field(1, b"made") + field(3, b"") + field(11, label) + b"\x38\x00"

    assert protobuf.decode(body(b"Namespace", field(1, metadata) + field(2, b""))) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "made", "labels": {"tier": "x"}},
    }


def test_a_review_is_read() -> None:
    resource = field(2, b"delete") + field(3, b"swarmkeeper.dev") + field(5, b"widgets")
    read = protobuf.decode(body(b"SelfSubjectAccessReview", field(2, field(1, resource))))

    assert read["spec"]["resourceAttributes"] == {
        "verb": "delete",
        "group": "swarmkeeper.dev",
        "resource": "widgets",
    }


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{}", 400),
        (body(b"Namespace", b"\x0a\x09a"), 400),
        (body(b"Namespace", b"\x0f"), 400),
        (body(b"Namespace", field(1, field(1, b"\xff"))), 400),
        (body(b"Secret", b""), 415),
    ],
    ids=["json", "short", "wire-type", "utf-8", "kind"],
)
def test_anything_else_is_refused(data: bytes, code: int) -> None:
    with pytest.raises(ApiError) as caught:
        protobuf.decode(data)

    assert caught.value.code == code


@given(st.binary())
def test_no_bytes_break_it(data: bytes) -> None:
    codes = []
    for whole in (b"k8s\0" + data, body(b"Namespace", data[:100])):
        try:
            protobuf.decode(whole)
        except ApiError as error:
            codes.append(error.code)
    assert set(codes) <= {400, 415}
