"""Write the pages of standards: ``python -m gep.report FOLDER [STANDARD ...]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gep import library
from gep.errors import GepError
from gep.report.pages import write_pages


def main(arguments: list[str] | None = None) -> int:
    """Write the pages and return the exit code: 0 done, 1 a rule is wrong."""
    parser = argparse.ArgumentParser(prog="python -m gep.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pages go")
    parser.add_argument(
        "standards", nargs="*", help="names or folders; default: all that gep ships"
    )
    options = parser.parse_args(arguments)
    try:
        names = options.standards or list(library.standards())
        written = write_pages(options.folder, [library.standard(name) for name in names])
    except GepError as error:
        print(error, file=sys.stderr)  # noqa: T201  this is a command
        return 1
    count = sum(path.suffix == ".html" for path in written)
    print(f"{count} pages in {options.folder}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
