"""Where backups are kept besides the folder: the part `s3` of the spec."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from desired_state.declared import DeclaredModel
from desired_state.fields import Duration
from desired_state.secret_reference import SecretKeyReference
from swarmkeeper.runtime.backup_tasks import Bucket

_SCHEMES: Final = ("https://", "http://")


def _endpoint(url: str) -> str:
    scheme, mark, place = url.partition("://")
    if f"{scheme}{mark}" not in _SCHEMES or not place.strip("/") or "@" in place or "?" in place:
        raise ValueError("is no URL of a store, e.g. https://s3.example.org")
    return url.rstrip("/")


def _prefix(text: str) -> str:
    if text.startswith("/") or text.endswith("/") or "//" in text or ".." in text.split("/"):
        raise ValueError("has no slash at its ends, e.g. postgres/orders")
    return text


Endpoint = Annotated[str, AfterValidator(_endpoint)]
Prefix = Annotated[str, StringConstraints(min_length=1), AfterValidator(_prefix)]
BucketName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$")
]


class S3(DeclaredModel):
    """A bucket that holds all backups; what is in the folder alone does not count then."""

    endpoint: Endpoint | None = None
    """URL of the store; by default that of AWS in the region."""
    region: str = Field(default="us-east-1", min_length=1)
    """Of the bucket."""
    bucket: BucketName
    """Its name; it is not made."""
    prefix: Prefix
    """What the keys of this database's backups begin with; nothing else may lie below it."""
    access_key_secret_ref: SecretKeyReference
    """Secret with the access key."""
    secret_key_secret_ref: SecretKeyReference
    """Secret with the secret key."""
    ca_secret_ref: SecretKeyReference | None = None
    """CA that the store's certificate is checked against."""
    path_style: bool | None = None
    """Whether the bucket stands in the path; by default where an endpoint is declared."""
    keep_local: int = Field(default=1, ge=1)
    """Backups that stay in the folder as well, the newest ones."""
    timeout: Duration = Field(default=timedelta(seconds=10), ge=timedelta(seconds=1))
    """How long the store may be silent."""


def bucket_of(s3: S3 | None) -> Bucket | None:
    """The bucket, as the port names it."""
    if s3 is None:
        return None
    return Bucket(
        s3.bucket,
        s3.prefix,
        s3.access_key_secret_ref,
        s3.secret_key_secret_ref,
        s3.endpoint or "",
        s3.region,
        s3.ca_secret_ref,
        bool(s3.endpoint) if s3.path_style is None else s3.path_style,
        s3.timeout.total_seconds(),
    )
