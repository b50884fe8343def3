"""What a packaged application starts with."""

import sys

from brevox.gui.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
