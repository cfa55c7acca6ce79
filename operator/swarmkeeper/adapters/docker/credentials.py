"""Credentials of registries, as `docker login` left them: the engine's nodes pull images with them."""

from __future__ import annotations

import logging

from docker import auth
from docker.errors import DockerException

logger = logging.getLogger(__name__)


def of_user(image: str) -> str | None:
    """The header X-Registry-Auth for an image, or None: nobody has logged in to its registry.

    The docker config of the process's user, or in DOCKER_CONFIG, is read anew each time: tokens of
    clouds are replaced every few hours. Credential helpers that it names are asked.

    Args:
        image: as services name it; empty for none.
    """
    if not image:
        return None
    try:
        registry, _ = auth.resolve_repository_name(image)
        found = auth.resolve_authconfig(auth.load_config(), registry)
    except (DockerException, ValueError) as error:
        # Its message is left out: it may quote what it could not read.
        logger.warning(
            "registry credentials not read", extra={"image": image, "error": type(error).__name__}
        )
        return None
    return auth.encode_header(found).decode() if found else None
