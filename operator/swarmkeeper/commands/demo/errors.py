"""What ends a demo early."""

from __future__ import annotations

from swarmkeeper.commands.errors import CommandError


class DemoError(CommandError):
    """Something did not come about; the message says what, and where to look."""
