"""What git says when it fails, in words that tell what to do."""

from __future__ import annotations

from typing import Final

_KNOWN: Final = (
    (("Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED"),
     "the host key is not the one in the known hosts"),
    (("Permission denied (publickey",), "authentication failed: the ssh key is not accepted"),
    (("could not read Username", "could not read Password", "Authentication failed", "error: 401"),
     "authentication failed: check the token"),
    (("error: 403",), "access denied: the token may not read this repository"),
    (("error: 404", "epository not found", "does not appear to be a git repository",
      "not found", "No such file or directory"), "there is no such repository, or no right to see it"),
    (("Could not resolve host", "Name or service not known", "Temporary failure in name resolution"),
     "the host name cannot be resolved"),
    (("Connection refused", "Failed to connect", "No route to host", "Network is unreachable"),
     "the server cannot be reached"),
    (("certificate", "SSL"), "the server's certificate is not trusted"),
    (("No space left on device",), "no space left on this device"),
    (("not our ref", "bad object", "couldn't find remote ref", "unknown revision", "bad revision"),
     "the commit is not in the repository"),
)  # fmt: skip


def explain_failure(output: str) -> str:
    """One sentence on a failure of git; its own words follow where they add something."""
    words = _own_words(output)
    for marks, meaning in _KNOWN:
        if any(mark in output for mark in marks):
            return f"{meaning} ({words})" if words else meaning
    return words or "git failed without a word"


def _own_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:", "remote:"))]
    line = telling[0] if telling else (lines[-1] if lines else "")
    return line.partition(":")[2].strip() if telling else line
