"""Shared fixtures, and how the suite runs: real data if it is there, long tests when asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from gep import grid

settings.register_profile(
    "gep",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.load_profile("gep")


def shared_data() -> Path:
    """Return the folder of real data: ``data`` in GEP_SHARED_DATA, or in ../shared."""
    named = os.environ.get("GEP_SHARED_DATA")
    root = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    return root / "data" if (root / "data").is_dir() else root


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests on real data where there is none, and long tests unless ``-m nightly``."""
    folder = shared_data()
    reason = (
        "real data is not here: set GEP_SHARED_DATA to the folder that holds data/gura and "
        "data/sao_tome, or put it in ../shared beside the checkout"
    )
    asked = "nightly" in (config.getoption("markexpr") or "")
    for item in items:
        if "real_data" in item.keywords and not (folder / "gura").is_dir():
            item.add_marker(pytest.mark.skip(reason=reason))
        if "nightly" in item.keywords and not asked:
            item.add_marker(pytest.mark.skip(reason="long: run it with -m nightly"))


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real data (for tests marked ``real_data``)."""
    return shared_data()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the rasters that a pass opens, each time that it does."""
    names: list[str] = []
    real = grid.open_raster

    def counted(path: str, name: str) -> Any:
        names.append(Path(name).stem)
        return real(path, name)

    monkeypatch.setattr(grid, "open_raster", counted)
    return names
