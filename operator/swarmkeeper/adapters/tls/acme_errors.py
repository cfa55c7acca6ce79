"""What the ACME library raises, as reasons that people are told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
from acme import errors, messages

from swarmkeeper.runtime.certificates import CertificateError

PATIENCE: Final = timedelta(seconds=60)
"""For the validation, and again for the certificate."""
_WHEN: Final = re.compile(r"retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)", re.IGNORECASE)


class RateLimitedError(CertificateError):
    """The CA issues no more for a while.

    Args:
        message: of the CA.
        until: when it may again; None where it did not say.
    """

    def __init__(self, message: str, until: datetime | None) -> None:
        super().__init__("RateLimited", message)
        self.until = until


class Heard:
    """What the last answer said besides its body: called by `requests` with each one."""

    def __init__(self) -> None:
        self.retry_after: datetime | None = None
        """When the CA takes another request."""

    def __call__(self, answer: requests.Response, **_: Any) -> None:
        """Notes an answer."""
        self.retry_after = retry_after(answer, datetime.now(UTC))


def retry_after(answer: requests.Response, now: datetime) -> datetime | None:
    """The time of `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3); None without one."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return now + timedelta(seconds=min(int(text), 10**8))
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


@contextmanager
def translated(server: str, heard: Heard) -> Iterator[None]:
    """Has CertificateErrors raised instead of the library's errors."""
    try:
        yield
    except requests.RequestException as error:
        message = f"{server} can't be reached: {type(error).__name__}"
        raise CertificateError("CAUnreachable", message) from None
    except errors.TimeoutError:
        message = f"{server} has not validated or issued within {PATIENCE.total_seconds():g} s"
        raise CertificateError("CATimeout", message) from None
    except errors.ValidationError as error:
        raise CertificateError("ChallengeFailed", _failed(error)) from None
    except messages.Error as error:
        raise _refused(error, heard) from None
    except errors.Error as error:
        raise CertificateError("OrderRefused", f"{server}: {type(error).__name__}") from None
    except OSError as error:
        message = f"the challenge can't be answered here: {error.strerror or type(error).__name__}"
        raise CertificateError("ResponderFailed", message) from None


def _failed(error: errors.ValidationError) -> str:
    """What the CA saw instead, of each name."""
    return "; ".join(
        f"{authorization.body.identifier.value}: {challenge.error.detail}"
        for authorization in error.failed_authzrs
        for challenge in authorization.body.challenges
        if challenge.error is not None
    )


def _refused(error: messages.Error, heard: Heard) -> CertificateError:
    message = f"{error.code or error.typ}: {error.detail or error.description}"
    if error.code == "serverInternal":
        return CertificateError("CAUnreachable", message)
    if error.code != "rateLimited":
        return CertificateError("OrderRefused", message)
    found = _WHEN.search(message)
    when = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC) if found else None
    return RateLimitedError(message, max_of(when, heard.retry_after))


def max_of(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two times; None where there is neither."""
    return max((time for time in (one, other) if time is not None), default=None)
