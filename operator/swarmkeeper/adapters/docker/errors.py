"""The engine's refusals in the port's words: unavailable, out of sequence, or refused."""

from __future__ import annotations

from typing import Final

import orjson

from swarmkeeper.adapters.docker.connection import Answer
from swarmkeeper.runtime.swarm import OutOfSequence, Refused, SwarmError, SwarmUnavailable

_NOT_SERVING: Final = (
    "does not have a leader",
    "not a swarm manager",
    "DeadlineExceeded",
    "deadline exceeded",
    "code = Unavailable",
    "code = Canceled",
    "context canceled",
    "connection error",
)
# The engine answers some refusals with 500.
_REFUSING: Final = (
    " not found",
    "code = InvalidArgument",
    "code = AlreadyExists",
    "code = FailedPrecondition",
    "code = NotFound",
    "code = Unimplemented",
)


def check(answer: Answer) -> Answer:
    """The answer, if it is a success.

    Raises:
        SwarmError: it is none.
    """
    if answer.status < 400:
        return answer
    raise error_of(answer)


def error_of(answer: Answer) -> SwarmError:
    """The error that an answer stands for."""
    message = message_of(answer)
    if "out of sequence" in message:
        return OutOfSequence(message)
    if answer.status == 503 or any(words in message for words in _NOT_SERVING):
        return SwarmUnavailable(message)
    if answer.status < 500 or any(words in message for words in _REFUSING):
        return Refused(message)
    return SwarmUnavailable(message)


def says_no_such_service(answer: Answer) -> bool:
    """Whether the engine itself, as a manager, says that there is no such service."""
    return answer.status == 404 and message_of(answer).startswith("service ")


def message_of(answer: Answer) -> str:
    """The engine's own words."""
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and document.get("message"):
        return str(document["message"]).strip()
    return f"status {answer.status}: {answer.body[:200].decode(errors='replace').strip()}"
