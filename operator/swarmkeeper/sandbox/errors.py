"""What can go wrong with a sandbox; every message says what to do next.

SandboxError
 +-- UnsupportedMachineError   not Linux, not Debian, not root
 +-- CommandError              a program failed or took too long
 +-- InvalidNameError          a name that cannot be a sandbox's
 +-- NoSuchSandboxError        no sandbox (or node) of that name
 +-- AlreadyUpError            create() of a sandbox that is up
 +-- NoFreeSubnetError         every private network is taken
 +-- UnknownImageError         an image that there is no recipe for
 +-- NotReadyError             something did not happen in time
 +-- EngineError               the Docker Engine API refused
      +-- EngineUnreachableError   it did not answer at all
"""

from __future__ import annotations


class SandboxError(Exception):
    """Base of everything that the sandbox raises on purpose."""


class UnsupportedMachineError(SandboxError):
    """The machine, or the user, cannot hold a sandbox."""


class CommandError(SandboxError):
    """A program failed or took too long."""


class InvalidNameError(SandboxError):
    """A name that cannot be a sandbox's."""


class NoSuchSandboxError(SandboxError):
    """There is no sandbox, or no node in it, of that name."""


class AlreadyUpError(SandboxError):
    """A sandbox of that name is up."""


class NoFreeSubnetError(SandboxError):
    """Every private network that a sandbox may use is taken."""


class UnknownImageError(SandboxError):
    """There is no recipe for that image."""


class NotReadyError(SandboxError):
    """Something did not happen in time."""


class EngineError(SandboxError):
    """The Docker Engine API refused a call."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class EngineUnreachableError(EngineError):
    """The Docker Engine API did not answer: the node is off, frozen or starting."""
