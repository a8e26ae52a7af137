"""Serve the product: one process, or `WEB_CONCURRENCY` of them on one port.

The parent of several only watches: it starts each again that dies, hands SIGTERM and
SIGINT on, and leaves when all have finished what they were doing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import eventloop

WORKER = "--worker"
LOOK_EVERY_SECONDS = 0.2
RESTART_PAUSE_SECONDS = 1.0


def main() -> int:
    """Serve until told to stop."""
    import config

    try:
        settings = config.load()
    except config.ConfigurationError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 2
    if settings["WEB_CONCURRENCY"] == 1 or WORKER in sys.argv:
        return serve()
    return supervise(settings["WEB_CONCURRENCY"])


def serve() -> int:
    """Serve in this process."""
    eventloop.patch()  # before anything else is imported
    from app import create_app, live, timers
    from app.services import holidays, mail

    app = create_app()
    holidays.list_countries()  # reads the world's data: nobody shall wait for it later
    mail.start_sender(app)
    live.start_watching(app)
    timers.start(app)
    eventloop.serve(app, app.config["HOST"], app.config["PORT"])
    return 0


def supervise(processes: int) -> int:
    """Keep `processes` workers alive until a signal."""
    stopping = threading.Event()
    received = signal.SIGTERM

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, __file__, WORKER])

    def stop(number: int, _frame: object) -> None:
        nonlocal received
        received = signal.Signals(number)
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    workers = [start() for _ in range(processes)]
    while not stopping.wait(LOOK_EVERY_SECONDS):
        for index, worker in enumerate(workers):
            if worker.poll() is None:
                continue
            what = f"worker {worker.pid} ended ({worker.returncode}), starting another"
            print(f"run.py: {what}", flush=True)
            if stopping.wait(RESTART_PAUSE_SECONDS):
                break
            workers[index] = start()
    # Here and not when the signal comes: then one might be just about to start.
    for worker in workers:
        worker.send_signal(received)
    for worker in workers:
        worker.wait()
    return 0


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent)
    sys.exit(main())
