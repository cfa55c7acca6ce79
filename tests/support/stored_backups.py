"""A PostgresBackup whose backups go into a bucket of a real store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desired_state.objects import JsonObject
from support.backups import REF, Scene, wait_until
from support.postgres import PostgresServer
from support.s3 import ADMIN, BUCKET, READER, S3Server


class StoredScene(Scene):
    """A database, its backups in a folder and in a bucket, and what the engine makes of them."""

    def __init__(self, server: PostgresServer, store: S3Server, home: Path) -> None:
        super().__init__(server, home)
        self.s3, self.bucket, self.prefix = store, BUCKET, f"pg/{self.database}"
        self.secrets.mkdir()
        for name, (key, secret) in {"admin": ADMIN, "reader": READER}.items():
            (self.secrets / f"{name}_key").write_text(key)
            (self.secrets / f"{name}_secret").write_text(secret)
        (self.secrets / "ca").write_bytes(store.ca)
        (self.secrets / "wrong").write_text("wrong-planted-secret")

    def place(self, **more: Any) -> JsonObject:
        """The part `s3` of the spec."""
        return {
            "endpoint": self.s3.url,
            "bucket": self.bucket,
            "prefix": self.prefix,
            "accessKeySecretRef": {"name": "admin_key"},
            "secretKeySecretRef": {"name": "admin_secret"},
            "timeout": "5s",
            **more,
        }

    def _below(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "Prefix": f"{self.prefix}/"}

    def objects(self) -> dict[str, int]:
        """Sizes of all objects, by key below the prefix."""
        found = self.s3.client().list_objects_v2(**self._below()).get("Contents", [])
        return {one["Key"].removeprefix(f"{self.prefix}/"): one["Size"] for one in found}

    def stored(self) -> list[str]:
        """Names of the backups in the bucket, oldest first."""
        mark = "/manifest.json"
        return sorted(key.removesuffix(mark) for key in self.objects() if key.endswith(mark))

    def put(self, key: str, content: bytes) -> None:
        """Writes an object below the prefix."""
        self.s3.client().put_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}", Body=content)

    def get(self, key: str) -> bytes:
        """An object below the prefix."""
        at = {"Bucket": self.bucket, "Key": f"{self.prefix}/{key}"}
        return bytes(self.s3.client().get_object(**at)["Body"].read())

    def forget(self, key: str) -> None:
        """Removes an object below the prefix."""
        self.s3.client().delete_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")

    def uploads(self) -> list[str]:
        """Keys of uploads that have begun and not ended."""
        found = self.s3.client().list_multipart_uploads(**self._below()).get("Uploads", [])
        return [str(one["Key"]) for one in found]

    def done(self, runbook: str) -> list[str]:
        """What came of a runbook, by the trail."""
        return [outcome for name, outcome in self.outcomes() if name == runbook]

    def take_more(self, number: int) -> None:
        """Takes backups by the clock of the machine, as the server's clock goes."""
        self.clock.time = datetime.now(UTC)
        for _ in range(number):
            self.clock.forward(seconds=2)
            run = self.engine.ask("backup", REF, name=f"take-{self.clock.time:%H%M%S}")
            self.engine.run(run)
            self.look()
            self.look()

    def ask_for(self, runbook: str, **parameters: str) -> None:
        """Asks for a runbook, approves it once it waits for that, and waits for its end."""
        run = self.engine.ask(runbook, REF, name=f"{runbook}-run", parameters=parameters)
        self.engine.run(run)
        self.engine.run(REF)
        pending = self.engine.status(run)["pendingApproval"]["hash"]
        annotation = {"metadata": {"annotations": {"swarmkeeper.dev/approve": pending}}}
        self.engine.objects.patch(run, annotation, actor="test")

        def ended() -> bool:
            self.engine.run(run)
            self.engine.run(REF)
            return self.engine.status(run).get("phase") in {"Succeeded", "Failed"}

        wait_until(ended, "the run does not end")
