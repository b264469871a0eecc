"""``python -m gep`` is the command ``gep``."""

from __future__ import annotations

from gep.cli import main

if __name__ == "__main__":
    main()
