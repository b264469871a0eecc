"""The account as an Excel workbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_workbook(path: Path, account: Any) -> None:  # noqa: ANN401
    """Write the workbook."""
