"""What git, ssh-keygen and gpg say of a signature, and what it means. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from desired_state.sources.evidence import SignedObject, plain
from desired_state.sources.trusted_keys import TrustedKeys
from desired_state.sources.verification import NotVerified, Refusal

_GOOD: Final = re.compile(r'^Good "git" signature for (.+) with (\S+) key (SHA256:\S+)$', re.M)
_STATUS: Final = re.compile(r"^\[GNUPG:\] (\w+) ?(.*)$", re.M)
_VERDICTS: Final = frozenset({"GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What `git verify-commit --raw` or `git verify-tag --raw` gave.

    Attributes:
        good: whether git is content.
        text: all that was said.
    """

    good: bool
    text: str


def read_ssh(subject: SignedObject, answer: Answer, keys: TrustedKeys) -> str:
    """Who signed with an SSH key.

    Args:
        subject: what was verified.
        answer: what was said of it.
        keys: the trusted keys.

    Raises:
        NotVerified: the signature does not count.
    """
    good = _GOOD.search(answer.text)
    if answer.good and good:
        return f"{subject} is signed by {plain(good[1])} with the SSH key {good[3]}"
    key = f"the SSH key {subject.ssh_fingerprint}"
    if "incorrect signature" in answer.text:
        raise _forged(subject, key)
    if until := keys.expired.get(subject.ssh_fingerprint):
        message = f"{subject} is signed with {key}, which was valid for {until}"
        raise NotVerified(Refusal.KEY_EXPIRED, message)
    if "key has expired" in answer.text or "key is not yet valid" in answer.text:
        message = f"{subject} is signed with {key}, which was not valid at the time of the commit"
        raise NotVerified(Refusal.KEY_EXPIRED, message)
    if "No principal matched" in answer.text or "not permitted for use" in answer.text:
        raise _untrusted(subject, key)
    if keys.revoked:
        raise _revoked(subject, key)
    raise _forged(subject, key)


def read_openpgp(subject: SignedObject, answer: Answer) -> str:
    """Who signed with an OpenPGP key.

    Args:
        subject: what was verified.
        answer: what was said of it.

    Raises:
        NotVerified: the signature does not count.
    """
    said = _STATUS.findall(answer.text)
    verdicts = [(word, rest) for word, rest in said if word in _VERDICTS]
    valid = [rest.split() for word, rest in said if word == "VALIDSIG"]
    if len(verdicts) != 1:
        raise NotVerified(Refusal.INVALID_SIGNATURE, f"{subject} has an unreadable signature")
    verdict, rest = verdicts[0]
    identifier, _, owner = rest.partition(" ")
    fingerprint = valid[0][-1] if valid else identifier
    if answer.good and verdict == "GOODSIG" and len(valid) == 1:
        return f"{subject} is signed by {plain(owner)} with the OpenPGP key {fingerprint}"
    raise _openpgp_refusal(subject, verdict, rest, fingerprint)


def _openpgp_refusal(
    subject: SignedObject, verdict: str, rest: str, fingerprint: str
) -> NotVerified:
    owner = plain(rest.partition(" ")[2])
    if verdict == "ERRSIG":
        words = rest.split()
        unknown = len(words) > 5 and words[5] == "9"
        key = f"the OpenPGP key {words[-1] if len(words) > 6 and words[-1] != '-' else words[0]}"
        return _untrusted(subject, key) if unknown else _forged(subject, key)
    key = f"the OpenPGP key {fingerprint} of {owner}"
    if verdict == "REVKEYSIG":
        return _revoked(subject, key)
    if verdict == "EXPKEYSIG":
        message = f"{subject} is signed with {key}, which has expired"
        return NotVerified(Refusal.KEY_EXPIRED, message)
    if verdict == "EXPSIG":
        message = f"the signature of {subject} with {key} has expired"
        return NotVerified(Refusal.KEY_EXPIRED, message)
    return _forged(subject, key)


def _forged(subject: SignedObject, key: str) -> NotVerified:
    message = f"the signature of {subject} with {key} does not belong to its content"
    return NotVerified(Refusal.INVALID_SIGNATURE, message)


def _untrusted(subject: SignedObject, key: str) -> NotVerified:
    message = f"{subject} is signed with {key}, which is not among the trusted keys"
    return NotVerified(Refusal.UNTRUSTED_KEY, message)


def _revoked(subject: SignedObject, key: str) -> NotVerified:
    message = f"{subject} is signed with {key}, which was revoked"
    return NotVerified(Refusal.KEY_REVOKED, message)
