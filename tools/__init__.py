"""What sets the project up, locks its requirements and checks it. Run as `python -m tools.<name>`."""

import sys

# Here, since every tool passes by, and in words that a Python of any age can read.
if sys.version_info < (3, 11):
    sys.exit(
        "Rendezvous needs Python 3.11 or newer; this one is %d.%d. "
        "If there is a newer one, name it: make run PYTHON=python3.12" % sys.version_info[:2]
    )
