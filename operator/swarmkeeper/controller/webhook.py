"""`POST /hooks/git`: a push says *look now*. What is believed is the signature, never the payload."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from aiohttp import web

from desired_state.webhook import verify_signature

PATH: Final = "/hooks/git"
logger = logging.getLogger(__name__)


def route(secret: Callable[[], str], trigger: Callable[[], None]) -> web.RouteDef:
    """The route of the hook.

    Args:
        secret: reads the secret; empty means that the hook is closed.
        trigger: makes the source loop look.
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
        trigger()
        return web.json_response({"message": "looking"}, status=202)

    return web.post(PATH, receive)
