"""The git side of the demo: a bare repository with a hook, and a working tree that pushes to it."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from swarmkeeper.commands.demo.api import Api
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.programs import run

# Nobody's own settings (signing, templates, hooks) get in the way.
_CLEAN: Final = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Demo",
    "GIT_AUTHOR_EMAIL": "demo@example.org",
    "GIT_COMMITTER_NAME": "Demo",
    "GIT_COMMITTER_EMAIL": "demo@example.org",
}
_HOOK: Final = '''#!{python}
"""Tells the operator of a push, as a git server's webhook would: signed with a shared secret."""
import hashlib, hmac, pathlib, ssl, urllib.request

body = b'{{"ref": "refs/heads/main"}}'
key = pathlib.Path({secret!r}).read_bytes().strip()
signature = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
headers = {{"X-Hub-Signature-256": signature, "Content-Type": "application/json"}}
request = urllib.request.Request({url!r}, body, headers)
authority = {authority!r}
context = ssl.create_default_context(cadata=authority) if authority else None
urllib.request.urlopen(request, timeout=10, context=context).close()
'''


@dataclass(frozen=True, slots=True)
class Repository:
    """A desired-state repository.

    Attributes:
        folder: holds the bare repository and the working tree.
    """

    folder: Path

    @property
    def bare(self) -> Path:
        """What the operator follows."""
        return self.folder / "desired-state.git"

    @property
    def tree(self) -> Path:
        """Where people edit."""
        return self.folder / "desired-state"

    @property
    def url(self) -> str:
        """Address of the bare repository."""
        return f"file://{self.bare}"

    @property
    def head(self) -> str:
        """The newest commit."""
        return self._git("rev-parse", "HEAD").strip()

    def create(self, files: dict[str, str]) -> None:
        """Makes both, with a first commit.

        Args:
            files: name -> text.
        """
        self.tree.mkdir(parents=True)
        for name, text in files.items():
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            (self.tree / name).write_text(text, encoding="utf-8")
        run("git", "init", "-q", "--bare", "-b", "main", str(self.bare), env=_CLEAN)
        self._git("init", "-q", "-b", "main")
        self._git("remote", "add", "origin", str(self.bare))
        self._git("config", "user.name", "Demo")  # for whoever goes on by hand
        self._git("config", "user.email", "demo@example.org")
        self._git("add", ".")
        self.push("Declare the system")

    def call(self, api: Api, secret: Path) -> None:
        """Makes every push call the operator's webhook.

        Args:
            api: the operator.
            secret: file with the secret that signs calls.
        """
        hook = self.bare / "hooks" / "post-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            _HOOK.format(
                python=sys.executable,
                secret=str(secret),
                url=f"{api.server}/hooks/git",
                authority=api.authority,
            ),
            encoding="utf-8",
        )
        hook.chmod(0o755)

    def edit(self, name: str, pattern: str, replacement: str) -> None:
        """Changes the first match of a pattern in a file.

        Raises:
            DemoError: there is none.
        """
        file = self.tree / name
        text, count = re.subn(
            pattern, replacement, file.read_text(encoding="utf-8"), count=1, flags=re.DOTALL
        )
        if not count:
            raise DemoError(f"{file}: nothing in it looks like {pattern}")
        file.write_text(text, encoding="utf-8")

    def push(self, message: str) -> None:
        """Commits everything and pushes."""
        self._git("commit", "-q", "-a", "-m", message)
        self._git("push", "-q", "--set-upstream", "origin", "main")

    def revert(self) -> None:
        """Takes the newest commit back and pushes."""
        self._git("revert", "--no-edit", "HEAD")
        self._git("push", "-q", "--set-upstream", "origin", "main")

    def diff(self) -> str:
        """What is changed and not committed."""
        lines = self._git("diff", "-U0").splitlines()
        return "\n".join(line for line in lines if re.match(r"[-+](?![-+]{2})", line))

    def _git(self, *words: str) -> str:
        return run("git", *words, cwd=self.tree, env=_CLEAN)
