"""The trusted public keys: read from a secret, and laid out as ssh-keygen and gpg want them."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from desired_state.sources.evidence import plain, ssh_fingerprint
from desired_state.sources.process import run_program
from desired_state.sources.verification import NotVerified, Refusal

ALLOWED_SIGNERS: Final = "allowed_signers"
REVOKED_KEYS: Final = "revoked_keys"
_BARE: Final = (".sshpub", ".pub")
_ARMORED: Final = ".asc"
_KEY: Final = re.compile(r"(?:^|\s)((?:ssh|ecdsa|sk)-[\w@.-]+)\s+(AAAA[\w+/=]+)(?:\s+(.*))?$")
_VALID_BEFORE: Final = re.compile(
    r'valid-before="?(\d{8})(\d{4})?(\d{2})?(Z?)', re.IGNORECASE | re.ASCII
)
_KRL_MAGIC: Final = b"SSHKRL\n"
_PRINCIPAL: Final = re.compile(r"[\w.@+-]+")
_GPG_CONF: Final = """\
trust-model always
no-auto-key-retrieve
no-auto-key-locate
disable-dirmngr
no-autostart
batch
no-tty
"""


@dataclass(slots=True)
class TrustedKeys:
    """The keys of one policy.

    Attributes:
        signers: lines of an allowed-signers file, those that are valid now.
        expired: until when keys were valid that are not valid any more, by fingerprint.
        revoked: a list of revoked keys, as ssh-keygen takes it, or None.
        armored: files with OpenPGP keys.
    """

    signers: list[str] = field(default_factory=list)
    expired: dict[str, str] = field(default_factory=dict)
    revoked: Path | None = None
    armored: list[Path] = field(default_factory=list)

    def lay_out_signers(self, folder: Path) -> Path:
        """Writes the allowed-signers file and gives its place."""
        place = folder / ALLOWED_SIGNERS
        place.write_text("".join(f"{line}\n" for line in self.signers), "utf-8")
        return place

    def lay_out_keyring(self, home: Path, *, path: str, timeout: float) -> None:
        """Fills a fresh GNUPGHOME with the OpenPGP keys.

        Args:
            home: empty folder.
            path: where programs are.
            timeout: seconds for all keys together.

        Raises:
            NotVerified: a file is no OpenPGP key.
            OSError: there is no gpg.
            TimedOut: gpg hangs.
        """
        home.chmod(0o700)
        (home / "gpg.conf").write_text(_GPG_CONF, "utf-8")
        deadline = time.monotonic() + timeout
        env = {"PATH": path, "HOME": str(home), "GNUPGHOME": str(home), "LC_ALL": "C"}

        def imports(*files: Path) -> bool:
            # A revocation is only taken in where there is a trust database, which `always` has not.
            options = ("--quiet", "--trust-model", "pgp", "--import", "--")
            command = ["gpg", *options, *map(str, files)]
            left = deadline - time.monotonic()
            return run_program(command, folder=home, env=env, timeout=left).code == 0

        if imports(*self.armored):
            return
        # A revocation may stand before the key that it is for: once more, one by one.
        for file in self.armored:
            if not imports(file):
                raise unavailable(f"{file.name} holds no OpenPGP public key")


def read_keys(place: Path, now: datetime) -> TrustedKeys:
    """Reads the trusted keys.

    Args:
        place: a folder of files named as in Flux, or one file.
        now: keys that expired before are left out.

    Raises:
        NotVerified: there are none, or one can't be read; the message names the file.
    """
    keys = TrustedKeys()
    try:
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        for file in files:
            _add(keys, file, _named(file) if place.is_dir() else _held(file), now)
    except OSError as error:
        where = error.filename or place
        raise unavailable(f"{where}: {(error.strerror or 'failed').lower()}") from None
    except ValueError:
        raise unavailable(f"{place} holds something that is no key") from None
    if not (keys.signers or keys.expired or keys.armored):
        wanted = f"{ALLOWED_SIGNERS}, *{_BARE[0]}, *{_BARE[1]}, *{_ARMORED}"
        raise unavailable(f"{place} holds no keys: none of {wanted}")
    return keys


def unavailable(message: str) -> NotVerified:
    """The refusal where keys can't be used."""
    return NotVerified(Refusal.KEYS_UNAVAILABLE, f"the trusted keys are of no use: {message}")


def _named(file: Path) -> str:
    """As what a file in a folder counts: by its name."""
    if file.name.startswith(".") or file.is_dir():
        return ""
    return file.suffix or file.name


def _held(file: Path) -> str:
    """As what a secret that is a single file counts: by what it holds."""
    text = file.read_text("utf-8")
    if "-----BEGIN PGP" in text:
        return _ARMORED
    lines = _lines(text)
    return _BARE[0] if lines and _KEY.match(lines[0]) else ALLOWED_SIGNERS


def _add(keys: TrustedKeys, file: Path, kind: str, now: datetime) -> None:
    if kind == REVOKED_KEYS:
        keys.revoked = _revocations(file)
    elif kind == _ARMORED:
        _public(file)
        keys.armored.append(file.resolve())
    elif kind in _BARE:
        keys.signers.extend(_bare(file))
    elif kind == ALLOWED_SIGNERS:
        _sort(keys, _lines(_public(file)), now)


def _revocations(file: Path) -> Path:
    """A file that ssh-keygen can read: it calls every key revoked, where it can't, and says no more."""
    raw = file.read_bytes()
    if not raw.startswith(_KRL_MAGIC) and not all(map(_KEY.match, _lines(raw.decode()))):
        raise unavailable(f"{file.name} is neither a list of SSH public keys nor a KRL")
    return file.resolve()


def _public(file: Path) -> str:
    """The text of a file that must not hold a private key."""
    text = file.read_text("utf-8")
    if "PRIVATE KEY" in text:
        raise unavailable(f"{file.name} holds a private key: give the public one")
    return text


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _bare(file: Path) -> Iterator[str]:
    """Public keys as lines of an allowed-signers file; a key's comment, or the file, names the signer."""
    for line in _lines(_public(file)):
        key = _KEY.match(line)
        if key is None:
            raise unavailable(f"{file.name} holds no SSH public key")
        comment = key[3] or ""
        named = comment if _PRINCIPAL.fullmatch(comment) else file.stem
        signer = re.sub(r"[^\w.@+-]", "-", named)
        yield f'{signer} namespaces="git" {key[1]} {key[2]}'


def _sort(keys: TrustedKeys, lines: list[str], now: datetime) -> None:
    """Tells the lines that are valid now from those that no longer are.

    git has ssh-keygen judge a key's validity at the commit's own date, which its author chooses.
    """
    for line in lines:
        key = _KEY.search(line)
        end = _VALID_BEFORE.search(line, 0, key.start() if key else len(line))
        if key is None or end is None or _time(end) > now:
            keys.signers.append(line)
        else:
            blob = base64.b64decode(key[2] + "==")
            keys.expired[ssh_fingerprint(blob)] = f"{plain(line.split()[0])} until {end[1]}"


def _time(end: re.Match[str]) -> datetime:
    written = f"{end[1]}{end[2] or '0000'}{end[3] or '00'}"
    try:
        moment = datetime.strptime(written, "%Y%m%d%H%M%S")  # noqa: DTZ007 - told by the Z
    except ValueError:
        raise unavailable(f"valid-before={end[1]} is no date") from None
    return moment.replace(tzinfo=UTC) if end[4] else moment.astimezone()
