"""The engine's answers in the port's words, as real engines were seen to give them."""

from __future__ import annotations

import json

import pytest

from swarmkeeper.adapters.docker.connection import Answer
from swarmkeeper.adapters.docker.errors import error_of, says_no_such_service
from swarmkeeper.runtime.swarm import OutOfSequence, Refused, SwarmUnavailable


def answer(status: int, message: str) -> Answer:
    return Answer(status, json.dumps({"message": message}).encode())


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (500, "rpc error: code = Unknown desc = update out of sequence", OutOfSequence),
        (409, "rpc error: code = FailedPrecondition desc = update out of sequence", OutOfSequence),
        (503, "This node is not a swarm manager. Use docker swarm init", SwarmUnavailable),
        (406, "This node is not a swarm manager.", SwarmUnavailable),
        (500, "rpc error: code = Unknown desc = The swarm does not have a leader.", SwarmUnavailable),
        (500, "rpc error: code = DeadlineExceeded desc = context deadline exceeded", SwarmUnavailable),
        (500, "something odd", SwarmUnavailable),
        (400, "rpc error: code = InvalidArgument desc = port already in use", Refused),
        (409, "rpc error: code = AlreadyExists desc = name conflicts with an existing object", Refused),
        (500, "network proxy not found", Refused),
        (501, "rpc error: code = Unimplemented desc = service mode change is not allowed", Refused),
    ],
)  # fmt: skip
def test_an_answer_becomes_the_error_that_says_what_comes_next(
    status: int, message: str, expected: type[Exception]
) -> None:
    error = error_of(answer(status, message))

    assert type(error) is expected
    assert str(error) == message


def test_only_the_engines_own_word_makes_a_service_absent() -> None:
    assert says_no_such_service(answer(404, "service web not found"))
    assert not says_no_such_service(answer(404, "page not found"))
    assert not says_no_such_service(Answer(404, b"<html>nginx</html>"))
    assert not says_no_such_service(answer(503, "service web not found"))


def test_an_answer_without_a_message_is_quoted() -> None:
    assert str(error_of(Answer(502, b"<html>bad gateway</html>"))) == (
        "status 502: <html>bad gateway</html>"
    )
