"""The images of the example, built where an engine has none: its agents and its application."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from swarmkeeper.commands.demo.programs import run
from swarmkeeper.sandbox.scripts import AGENT, APP, HEALTH

_APP: Final = """\
FROM busybox
COPY app health /usr/local/bin/
STOPSIGNAL SIGKILL
EXPOSE 8080
CMD ["app"]
"""
_AGENT: Final = """\
FROM redis:7-alpine
COPY agent /usr/local/bin/
STOPSIGNAL SIGKILL
ENTRYPOINT []
CMD ["agent"]
"""
BUILT: Final = {
    "swarmkeeper/app:1": {"Dockerfile": _APP, "app": APP, "health": HEALTH},
    "swarmkeeper/agent:1": {"Dockerfile": _AGENT, "agent": AGENT},
}
"""Image -> its files."""


def build(docker_host: str, image: str) -> None:
    """Builds one of them on an engine.

    Raises:
        DemoError: that failed.
    """
    with tempfile.TemporaryDirectory() as name:
        for file, text in BUILT[image].items():
            (Path(name) / file).write_text(text, encoding="utf-8")
            (Path(name) / file).chmod(0o755)
        # The classic builder: it needs no plugin, and nothing is run while building.
        run(
            *("docker", "--host", docker_host, "build", "--quiet", "--tag", image, name),
            env={"DOCKER_BUILDKIT": "0"},
        )
