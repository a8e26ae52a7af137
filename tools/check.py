"""Everything `make check` looks at. Each part runs, also after another has failed."""

from __future__ import annotations

import subprocess
import sys

from tools.set_up import ROOT

CHECKS = (
    ("ruff", "format", "--check", "--quiet", "."),
    ("ruff", "check", "--quiet", "."),
    ("mypy",),
    ("tools.locks", "check"),
    ("tools.translations", "check"),
)


def main() -> None:
    failed = []
    for module, *arguments in CHECKS:
        name = " ".join([module, *arguments[:1]])
        print(f"check: {name}", flush=True)
        if subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, check=False
        ).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"check: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
