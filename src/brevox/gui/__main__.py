"""python -m brevox.gui [FILES]"""

from __future__ import annotations

import multiprocessing
import sys


def main() -> int:
    """Start the application with the files named on the command line."""
    # In a packaged application the worker processes start here too, and go their own way.
    multiprocessing.freeze_support()
    from brevox.errors import BrevoxError
    from brevox.gui.app import run

    try:
        return run(sys.argv[1:])
    except BrevoxError as error:
        print(f"brevox: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
