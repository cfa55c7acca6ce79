"""The network between an operator and Postgres, which can be cut: a TCP port that leads to a Unix socket."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends a reset, no end


class _Cable:
    """One connection: what goes in at an end comes out at the other, once the network lets it."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self._ends = (near, far)
        self.flows = threading.Event()
        self.gone = False
        self.threads = [
            threading.Thread(target=self._pump, args=ends, daemon=True)
            for ends in ((near, far), (far, near))
        ]
        for thread in self.threads:
            thread.start()

    def reset(self) -> None:
        """Breaks it; both ends learn so at once."""
        self.gone = True
        self.flows.set()
        near, far = self._ends
        with suppress(OSError):
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        for end in (near, far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RD)  # wakes its pump, which closes it

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            data = b"-"
            while data:
                data = source.recv(65536)
                self.flows.wait()
                if self.gone:
                    break
                sink.sendall(data)
            if not self.gone:
                sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Closes both ends."""
        self.reset()
        for thread in self.threads:
            thread.join()
        for end in self._ends:
            end.close()


class Forwarder:
    """A port on the loopback in front of a server.

    Args:
        target: the server's Unix socket.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._guard = threading.Lock()
        self._cables: list[_Cable] = []
        self._drops = self._resets = False
        self._stopped = False
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def drop(self) -> None:
        """From now on nothing arrives, in either direction, and nobody is told."""
        with self._guard:
            self._drops = True
            for cable in self._cables:
                cable.flows.clear()

    def reset(self) -> None:
        """From now on every connection is reset: those that are there, and each new one."""
        with self._guard:
            self._resets = True
            self._end_all()

    def heal(self, *, forget: bool = False) -> None:
        """Lets everything through again.

        Args:
            forget: what was connected stays silent for ever, as behind a firewall that has
                forgotten it; else what was sent arrives now, as TCP sends it again.
        """
        with self._guard:
            self._drops = self._resets = False
            for cable in () if forget else self._cables:
                cable.flows.set()

    def close(self) -> None:
        """Ends all connections, and takes no more."""
        self._stopped = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._thread.join()
        self._listener.close()
        with self._guard:
            self._end_all()

    def _end_all(self) -> None:
        cables, self._cables = self._cables, []
        for cable in cables:
            cable.close()

    def _accept(self) -> None:
        while not self._stopped:
            try:
                near, _ = self._listener.accept()
            except OSError:
                continue
            with self._guard:
                self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        try:
            if self._resets:
                raise ConnectionResetError
            far.connect(str(self._target))
        except OSError:  # the server is gone: so is the connection
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            near.close()
            far.close()
            return
        cable = _Cable(near, far)
        if not self._drops:
            cable.flows.set()
        self._cables.append(cable)
