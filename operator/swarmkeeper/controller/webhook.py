"""`POST /hooks/git`: a push says *look now*. What is believed is the signature, never the payload."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from desired_state.webhook import verify_signature

PATH: Final = "/hooks/git"
logger = logging.getLogger(__name__)


class Unavailable(Exception):  # noqa: N818 - says what it is
    """Nobody can be asked to look now; the message says why."""


def route(secret: Callable[[], str], ask: Callable[[], Awaitable[None]]) -> web.RouteDef:
    """The route of the hook.

    Args:
        secret: reads the secret; empty means that the hook is closed.
        ask: makes the source loop look; raises Unavailable where it can't.
    """

    async def receive(request: web.Request) -> web.Response:
        expected = secret()
        if not expected:
            return web.json_response(
                {"message": "closed: set webhook_secret_file to open the hook"}, status=403
            )
        body = await request.read()
        if not verify_signature(body, request.headers, expected):
            logger.warning("hook refused", extra={"remote": request.remote})
            return web.json_response({"message": "the signature does not fit"}, status=401)
        try:
            await ask()
        except Unavailable as error:
            return web.json_response({"message": str(error)}, status=503)
        return web.json_response({"message": "looking"}, status=202)

    return web.post(PATH, receive)
