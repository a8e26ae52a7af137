"""The product as it is run: `run.py` in processes of its own, on a port of loopback.

For tests that race real processes, and for the benchmarks. Linux only: which processes
there are, and whether they listen, is read from /proc.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
STOP_SECONDS = 30.0
SECRET = "a-secret-for-tests-and-nothing-else-0123456789"

_LISTENING = "0A"  # proc(5): the state of a socket in /proc/net/tcp


@dataclass(frozen=True, slots=True)
class Product:
    """A running server and its port. `guard` ends it when this process dies."""

    port: int
    log: Path
    guard: subprocess.Popen[bytes]

    def pid(self) -> int:
        """The process that was started: the one that serves, or the parent of those."""
        return _children(self.guard.pid)[0]

    def workers(self) -> list[int]:
        """The processes that serve."""
        return _children(self.pid()) or [self.pid()]

    def cpu_seconds(self) -> float:
        """Processor time that the serving processes have used."""
        fields = [
            Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            for pid in self.workers()
        ]
        return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")

    def wait_until_serving(self, processes: int) -> None:
        """Wait until so many processes accept connections."""

        def serving() -> bool:
            if self.guard.poll() is not None:
                raise RuntimeError(f"the server ended:\n{self.log.read_text()}")
            return _listeners(self.port) == processes

        wait_until(serving, START_SECONDS)

    def wait_until_ended(self) -> None:
        """Wait until the server has ended by itself."""
        self.guard.wait(STOP_SECONDS)


@contextmanager
def running(
    settings: Mapping[str, str],
    *,
    processes: int = 1,
    command: Sequence[str] = ("run.py",),
    port: int = 0,
) -> Iterator[Product]:
    """Serve with these settings until the end of the `with` block.

    `command` is what Python runs, from the root. `port` of 0 means any that is free.
    """
    port = port or free_port()
    directory = Path(tempfile.mkdtemp(prefix="rendezvous-product-"))
    log = directory / "log"
    environment = {
        "PATH": os.environ["PATH"],
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SECRET_KEY": SECRET,
        "INSTANCE_PATH": str(directory / "instance"),
        "WEB_CONCURRENCY": str(processes),
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    with log.open("wb") as output:
        guard = subprocess.Popen(
            [sys.executable, "-c", _GUARD, sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=environment,
        )
    product = Product(port, log, guard)
    try:
        product.wait_until_serving(processes)
        yield product
    finally:
        assert guard.stdin
        guard.stdin.close()
        guard.wait(STOP_SECONDS)


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    """Return as soon as `true()` is. Raises TimeoutError."""
    give_up_at = time.monotonic() + seconds
    while not true():
        if time.monotonic() > give_up_at:
            raise TimeoutError
        time.sleep(0.01)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# Runs the server, and stops it when its own standard input is closed: by us, or because
# we died.
_GUARD = """
import os, signal, subprocess, sys, threading
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
def stop_when_alone():
    os.read(0, 1)
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
threading.Thread(target=stop_when_alone, daemon=True).start()
server.wait()
"""


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _listeners(port: int) -> int:
    address = f"0100007F:{port:04X}"  # 127.0.0.1
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1] == address and row[3] == _LISTENING for row in rows)
