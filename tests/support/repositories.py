"""Real git repositories and a real HTTP server for them, made and ended by the tests themselves."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from desired_state.sources import GitSource, SourceConfig
from support.trees import write

_AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


@dataclass(frozen=True)
class Repository:
    """A git repository with a working tree, on branch main."""

    folder: Path

    def __post_init__(self) -> None:
        """Makes it, empty."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        """Its file:// URL."""
        return f"file://{self.folder}"

    def git(self, *arguments: str) -> str:
        """Runs git in it."""
        environment = {**os.environ, **_AUTHOR}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def commit(self, files: Mapping[str, str | bytes], message: str = "change") -> str:
        """Commits files on top of what is there, and gives the commit's hash."""
        write(self.folder, files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def source(self, state: Path, **config: object) -> GitSource:
        """A source that follows it."""
        return GitSource(SourceConfig.model_validate({"url": self.url, **config}), state)


@dataclass
class GitServer:
    """What the HTTP server does.

    Attributes:
        root: folder with the repositories.
        token: password that requests must have; empty lets everybody in.
        dumb: plain files only, as from a web server that knows nothing of git.
        hang_on: requests whose body holds this get no answer until `released` is set.
        authorizations: the Authorization headers that came.
        url: where it listens.
    """

    root: Path
    token: str = ""
    dumb: bool = False
    hang_on: bytes = b""
    released: threading.Event = field(default_factory=threading.Event)
    authorizations: list[str] = field(default_factory=list)
    url: str = ""

    def lets_in(self, authorization: str) -> bool:
        """Whether a request with this header may pass."""
        self.authorizations.append(authorization)
        if not self.token:
            return True
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        return given.partition(":")[2] == self.token


class _Handler(BaseHTTPRequestHandler):
    """Answers for one GitServer."""

    settings: GitServer
    protocol_version = "HTTP/1.0"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if not self.settings.lets_in(self.headers.get("Authorization", "")):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        file = self.settings.root / path.lstrip("/")
        if self.settings.dumb:
            self._file(file)
        else:
            self._backend(path, query)

    def _file(self, file: Path) -> None:
        self.send_response(200 if file.is_file() else 404)
        self.end_headers()
        if file.is_file():
            self.wfile.write(file.read_bytes())

    def _backend(self, path: str, query: str) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.settings.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": self.headers.get("Content-Length", "0"),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        body = self.rfile.read(int(environment["CONTENT_LENGTH"]))
        if self.settings.hang_on and self.settings.hang_on in body:
            self.settings.released.wait(60)
            return
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env=environment,
            capture_output=True,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if line]
        status = next((v for k, v in headers if k == "Status"), "200")
        self.send_response(int(status.split()[0]))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serve(server: GitServer) -> Iterator[GitServer]:
    """Serves repositories over HTTP with `git http-backend`, until the block ends."""

    handler = type("Handler", (_Handler,), {"settings": server})
    listener = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{listener.server_address[1]}"
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
