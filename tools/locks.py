"""Keep the lock files in step with what they are made from.

`python -m tools.locks lock [--upgrade]` resolves anew, `python -m tools.locks check`
compares without a network. Pins already in a lock stay unless something forces them or
`--upgrade` is given.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

from tools.set_up import OLDEST_PYTHON, ROOT, npm

LOCKS = ("requirements", "requirements-dev", "requirements-node")
PACKAGE, PACKAGE_LOCK = ROOT / "package.json", ROOT / "package-lock.json"


def lock(*options: str) -> None:
    """Write every lock file, for each Python from the oldest on and for every platform."""
    for name in LOCKS:
        source, output = ROOT / f"{name}.in", ROOT / f"{name}.txt"
        command = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "compile",
            "--quiet",
            source.name,
            "--output-file",
            output.name,
        ]
        choices = [
            "--universal",
            "--python-version",
            "{}.{}".format(*OLDEST_PYTHON),
            "--generate-hashes",
        ]
        subprocess.run([*command, *choices, "--no-header", *options], cwd=ROOT, check=True)
        output.write_text(f"{header(source)}\n{output.read_text()}")
    npm("update" if "--upgrade" in options else "install", "--package-lock-only")


def header(source: Path) -> str:
    """The first line of a lock: what it was made from."""
    return f"# Made by `make lock` from {source.name} {fingerprint(source)}. Do not edit."


def fingerprint(source: Path) -> str:
    """A checksum of the requirements in `source` and of the locks that constrain them, comments aside."""
    return hashlib.sha256("\n".join(requirements(source)).encode()).hexdigest()[:16]


def requirements(source: Path) -> list[str]:
    lines = [line.partition("#")[0].strip() for line in source.read_text().splitlines()]
    constraints = [ROOT / line.removeprefix("-c ") for line in lines if line.startswith("-c ")]
    pins = [
        pin
        for file in constraints
        for pin in re.findall(r"^[\w.\[\]-]+==\S+", file.read_text(), re.MULTILINE)
    ]
    return sorted(filter(None, [*lines, *pins]))


def check() -> list[str]:
    """What is wrong with the lock files, one sentence each."""
    faults = []
    for name in LOCKS:
        source, output = ROOT / f"{name}.in", ROOT / f"{name}.txt"
        text = output.read_text()
        if text.partition("\n")[0] != header(source):
            faults.append(f"{output.name} is out of step with {source.name}.")
        if "://" in text:
            faults.append(f"{output.name} names a host.")
    package, locked = (
        json.loads(PACKAGE.read_text()),
        json.loads(PACKAGE_LOCK.read_text())["packages"],
    )
    if locked[""].get("dependencies") != package["dependencies"]:
        faults.append(f"{PACKAGE_LOCK.name} is out of step with {PACKAGE.name}.")
    if any("resolved" in entry for entry in locked.values()):
        faults.append(f"{PACKAGE_LOCK.name} names a registry.")
    return faults


def main() -> None:
    match sys.argv[1:]:
        case ["lock", *options]:
            lock(*options)
        case ["check"]:
            if faults := check():
                sys.exit("\n".join([*faults, "`make lock` puts that right."]))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
