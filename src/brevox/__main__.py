"""python -m brevox"""

from brevox.cli import main

if __name__ == "__main__":
    main()
