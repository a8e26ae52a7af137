"""Install Debian packages, where that can be done without asking anybody."""

from __future__ import annotations

import os
import shutil
import subprocess

# Debian's `postgresql` would create and start a cluster of its own: not wanted here.
# Package lists may be a little stale or a mirror away: only a failed install counts.
INSTALL = """
set -e
export DEBIAN_FRONTEND=noninteractive
settings=/etc/postgresql-common/createcluster.d
mkdir -p "$settings"
echo 'create_main_cluster = false' > "$settings/rendezvous.conf"
log=$(mktemp)
trap 'rm -f "$settings/rendezvous.conf" "$log"' EXIT
apt-get update -qq -o Acquire::Retries=3 >"$log" 2>&1 || true
apt-get install -qq -y -o Acquire::Retries=3 --no-install-recommends "$@" >>"$log" 2>&1 || { cat "$log"; exit 1; }
"""


def root_prefix() -> list[str] | None:
    """What to put before a command to run it as root with apt at hand; None if that is not to be had."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if (
        sudo
        and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return [sudo, "-n"]
    return None


def install(packages: list[str]) -> bool:
    """Install `packages` and say whether that worked."""
    prefix = root_prefix()
    if prefix is None:
        return False
    print("Installing with apt: " + " ".join(packages), flush=True)
    command = [*prefix, "sh", "-c", INSTALL, "install", *packages]
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode == 0


def commands(packages: list[str]) -> str:
    """What a person types to get `packages`."""
    return "sudo apt-get update\nsudo apt-get install --no-install-recommends " + " ".join(packages)
