"""Write pages of standards or mechanisms: ``python -m gep.report FOLDER [NAME ...]``."""

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
    parser.add_argument("--mechanisms", action="store_true", help="of mechanisms, not of standards")
    options = parser.parse_args(arguments)
    try:
        known, load = library.standards, library.standard
        if options.mechanisms:
            known, load = library.mechanisms, library.mechanism
        names = options.standards or list(known())
        written = write_pages(options.folder, [load(name) for name in names])
    except GepError as error:
        print(error, file=sys.stderr)  # noqa: T201  this is a command
        return 1
    count = sum(path.suffix == ".html" for path in written)
    print(f"{count} pages in {options.folder}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
