"""``python -m penchant`` is the ``penchant`` command."""

from __future__ import annotations

import os
import sys

from penchant.cli.app import main

if __name__ == "__main__":
    code = main()
    if os.environ.get("WORLD_SIZE", "1") != "1":
        # All is written. Threads of the communication library sometimes abort a process that ends in the usual way, and
        # the launcher would count that as a failure.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
