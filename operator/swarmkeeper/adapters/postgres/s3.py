"""A client of S3-compatible stores: a few calls of botocore, each with a time-out.

Every body is signed with its SHA-256, which the store compares: what has been taken is what was sent.
botocore is an extra (`swarmkeeper[s3]`) and not small: it is imported when a bucket is first used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from swarmkeeper.adapters.postgres.children import Leash
from swarmkeeper.adapters.postgres.jobs import Counter
from swarmkeeper.adapters.secret_folder import SecretFolder, SecretMissing
from swarmkeeper.runtime.backup_tasks import Bucket
from swarmkeeper.runtime.backups import BackupError

if TYPE_CHECKING:
    from botocore.client import BaseClient

PART: Final = 8 << 20
"""Bytes that are sent at once, and held in memory; larger where a file would have too many parts."""
_MOST_PARTS: Final = 9000  # S3 allows 10,000
_CHUNK: Final = 1 << 20
_ATTEMPTS: Final = 3
_REASONS: Final = {
    "NoSuchBucket": "BucketMissing",
    "AccessDenied": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "AccountProblem": "AccessDenied",
    "InvalidAccessKeyId": "CredentialsRefused",
    "SignatureDoesNotMatch": "CredentialsRefused",
    "ExpiredToken": "CredentialsRefused",
    "RequestTimeTooSkewed": "ClocksDiffer",
    "QuotaExceeded": "BucketFull",
    "EntityTooLarge": "BucketFull",
    "InsufficientStorage": "BucketFull",
    "XMinioStorageFull": "BucketFull",
    "NoSuchKey": "FileMissing",
    "SlowDown": "BucketUnreachable",
    "ServiceUnavailable": "BucketUnreachable",
    "InternalError": "BucketUnreachable",
}
"""By the code that a store gives."""


@dataclass(frozen=True, slots=True)
class Item:
    """An object in a bucket.

    Attributes:
        size: bytes.
        etag: changes whenever it is written.
    """

    size: int
    etag: str


class Store:
    """All objects below the prefix of a bucket. Thread-safe.

    Args:
        bucket: which one.
        client: of botocore.
    """

    def __init__(self, bucket: Bucket, client: BaseClient) -> None:
        self.bucket = bucket
        self._s3: Any = client
        self._base = f"{bucket.prefix}/" if bucket.prefix else ""

    def listed(self, below: str = "") -> dict[str, Item]:
        """All objects whose keys begin so, by their keys below the prefix.

        Raises:
            BackupError: they can't be listed.
        """
        found = {}
        with self._told():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket.name, Prefix=self._base + below
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    key = str(item["Key"]).removeprefix(self._base)
                    found[key] = Item(int(item["Size"]), str(item["ETag"]).strip('"'))
        return found

    def read(self, key: str) -> bytes:
        """A small object.

        Raises:
            BackupError: it can't be read.
        """
        with self._told():
            body: bytes = self._s3.get_object(**self._at(key))["Body"].read()
        return body

    def put(self, key: str, content: bytes) -> None:
        """Writes a small object.

        Raises:
            BackupError: it can't be written.
        """
        with self._told():
            self._s3.put_object(**self._at(key), Body=content)

    def upload(self, key: str, path: Path, leash: Leash, sent: Counter) -> str:
        """Writes a file: it is there wholly or not at all.

        Returns:
            The SHA-256 of what was sent, in hex.

        Raises:
            BackupError: it can't be written, or was ended early.
        """
        digest, size = hashlib.sha256(), path.stat().st_size
        part = max(PART, -(-size // _MOST_PARTS))
        with path.open("rb") as file, self._told():
            if size <= part:
                leash.check()
                content = file.read()
                digest.update(content)
                self._s3.put_object(**self._at(key), Body=content)
                sent.bytes += len(content)
            else:
                self._in_parts(key, _read(file, part, leash, digest.update), sent)
        return digest.hexdigest()

    def download(self, key: str, path: Path, leash: Leash, got: Counter) -> str:
        """Reads an object into a new file.

        Returns:
            Its SHA-256, in hex.

        Raises:
            BackupError: it can't be read, or was ended early.
        """
        digest = hashlib.sha256()
        with self._told(), path.open("xb") as file:
            body = self._s3.get_object(**self._at(key))["Body"]
            for chunk in body.iter_chunks(_CHUNK):
                leash.check()
                digest.update(chunk)
                file.write(chunk)
                got.bytes += len(chunk)
        return digest.hexdigest()

    def remove(self, key: str) -> None:
        """Removes an object; what was removed before is no error.

        Raises:
            BackupError: it can't be removed.
        """
        with self._told():
            self._s3.delete_object(**self._at(key))

    def abort_uploads(self) -> None:
        """Ends what an upload that was killed has left: it is invisible, and costs.

        Raises:
            BackupError: it can't be ended.
        """
        with self._told():
            found = self._s3.list_multipart_uploads(Bucket=self.bucket.name, Prefix=self._base)
            for one in found.get("Uploads", ()):
                self._s3.abort_multipart_upload(
                    Bucket=self.bucket.name, Key=one["Key"], UploadId=one["UploadId"]
                )

    def close(self) -> None:
        """Closes idle connections."""
        self._s3.close()

    def _in_parts(self, key: str, parts: Iterator[bytes], sent: Counter) -> None:
        at = self._at(key)
        upload = {**at, "UploadId": self._s3.create_multipart_upload(**at)["UploadId"]}
        try:
            known = []
            for number, content in enumerate(parts, 1):
                found = self._s3.upload_part(**upload, PartNumber=number, Body=content)
                known.append({"PartNumber": number, "ETag": found["ETag"]})
                sent.bytes += len(content)
            self._s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": known})
        except BaseException:
            with suppress(Exception):
                self._s3.abort_multipart_upload(**upload)
            raise

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket.name, "Key": self._base + key}

    @contextmanager
    def _told(self) -> Iterator[None]:
        from botocore import exceptions  # noqa: PLC0415 - an extra, and not small

        try:
            yield
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            place = f"bucket {self.bucket.name} at {self.bucket.endpoint or 'AWS'}"
            reason = _reason(error, getattr(error, "response", {}))
            raise BackupError(reason, f"{place}: {_line(error)}") from None


class Stores:
    """Clients of buckets, with the keys as they are now. Thread-safe.

    Args:
        secrets: where the keys lie.
    """

    def __init__(self, secrets: SecretFolder) -> None:
        self._secrets = secrets
        self._known: dict[Bucket, tuple[tuple[str, ...], Store]] = {}

    def open(self, bucket: Bucket) -> Store:
        """The store of a bucket: a new one where its keys have changed.

        Raises:
            BackupError: a key is missing, or botocore is.
        """
        try:
            keys = tuple(self._secrets.read(ref) for ref in (bucket.access_key, bucket.secret_key))
            ca = str(self._secrets.path(bucket.ca)) if bucket.ca else ""
        except SecretMissing as error:
            raise BackupError("SecretMissing", str(error)) from None
        facts = (*keys, ca)
        known = self._known.get(bucket)
        if known is None or known[0] != facts:
            known = self._known[bucket] = (facts, Store(bucket, _client(bucket, *facts)))
        return known[1]


def _client(bucket: Bucket, access_key: str, secret_key: str, ca: str) -> BaseClient:
    try:
        from botocore.config import Config  # noqa: PLC0415 - an extra, and not small
        from botocore.session import Session  # noqa: PLC0415
    except ModuleNotFoundError as error:
        text = f"{error.name} is missing: install swarmkeeper[s3]"
        raise BackupError("ProgramMissing", text) from None
    config = Config(
        connect_timeout=bucket.timeout,
        read_timeout=bucket.timeout,
        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
        s3={
            "addressing_style": "path" if bucket.path_style else "virtual",
            "payload_signing_enabled": True,
        },
        # Newer checksums are unknown to many stores; the signature holds one that all know.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client: BaseClient = Session().create_client(
        "s3",
        region_name=bucket.region,
        endpoint_url=bucket.endpoint or None,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        verify=ca or True,
        config=config,
    )
    return client


def _read(
    file: IO[bytes], size: int, leash: Leash, note: Callable[[bytes], object]
) -> Iterator[bytes]:
    while content := file.read(size):
        leash.check()
        note(content)
        yield content


def _reason(error: Exception, response: Mapping[str, Any]) -> str:
    if not response:
        return _without_answer(error)
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _REASONS:
        return _REASONS[code]
    if status == 507:
        return "BucketFull"
    if status == 403:
        return "AccessDenied"
    return "BucketUnreachable" if status >= 500 else "UploadFailed"


def _without_answer(error: Exception) -> str:
    from botocore import exceptions  # noqa: PLC0415

    if isinstance(error, exceptions.SSLError):
        refused = "CERTIFICATE_VERIFY_FAILED" in str(error)
        return "CertificateRefused" if refused else "TLSFailed"
    away = (
        exceptions.ConnectionError,
        exceptions.HTTPClientError,  # also time-outs
        exceptions.IncompleteReadError,
    )
    return "BucketUnreachable" if isinstance(error, away) else "UploadFailed"


def _line(error: Exception) -> str:
    """What was said, without the operation's parameters; botocore puts no secret into it."""
    return str(error).strip().splitlines()[0].replace(" (reached max retries: 2)", "")
