"""What is shipped: a wheel with the repository's rules and tables, light to import."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ("models", "coefficients")
#: Libraries that `import gep` and `gep --help` must not load.
HEAVY = (
    "dask",
    "geopandas",
    "matplotlib",
    "pandas",
    "pint",
    "pyproj",
    "rasterio",
    "scipy",
    "xarray",
)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files_of(folder: Path) -> dict[str, str]:
    """Return path relative to ``folder`` -> SHA-256, of all files that are not hidden."""
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(
            p.startswith(".") or p == "__pycache__" for p in inside.parts
        ):
            found[inside.as_posix()] = digest(path.read_bytes())
    return found


def run(*command: str | Path, cwd: Path) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist, and the wheel made from the sdist (which is what ``build`` does by default)."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


@pytest.fixture(scope="module")
def installed(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment outside the checkout that holds the wheel; returns its interpreter.

    gep itself comes from the wheel. The other libraries are borrowed from the running environment
    by a .pth file, so that the test takes seconds; that the declared dependencies suffice is
    shown by ``.ci/run``, which installs the wheel with them.
    """
    home = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(home, symlinks=os.name != "nt")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index"]
    try:
        import pip as _  # noqa: F401
    except ImportError:
        uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
        pip = [uv, "pip", "install", "--python", python, "--no-index"]
    run(*pip, "--quiet", "--no-deps", built["wheel"], cwd=home)
    where = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home
    ).strip()
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(where) / "borrowed.pth").write_text("\n".join(sorted(borrowed)) + "\n", encoding="utf-8")
    return python


def test_data_folders_hold_no_python() -> None:
    for name in DATA:
        assert not [f for f in files_of(ROOT / name) if f.endswith((".py", ".pyc"))]


@pytest.mark.parametrize("name", DATA)
def test_wheel_holds_the_repositorys_files(built: dict[str, Path], name: str) -> None:
    prefix = f"gep/{name}/"
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = [n for n in wheel.namelist() if n.startswith(prefix) and not n.endswith("/")]
        shipped = {n.removeprefix(prefix): digest(wheel.read(n)) for n in names}
    assert shipped
    assert shipped == files_of(ROOT / name)


def test_wheel_puts_only_gep_into_site_packages(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        top = {n.split("/")[0] for n in wheel.namelist()}
        licences = [n for n in wheel.namelist() if n.endswith("/LICENSE")]
        code = {
            n.removeprefix("gep/"): digest(wheel.read(n))
            for n in wheel.namelist()
            if n.startswith("gep/") and not n.startswith(tuple(f"gep/{d}/" for d in DATA))
        }
    assert {name for name in top if not name.endswith(".dist-info")} == {"gep"}
    assert licences
    assert code == {k: v for k, v in files_of(ROOT / "gep").items() if not k.endswith(".pyc")}


def test_sdist_holds_what_the_suite_needs(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as sdist:
        names = {n.partition("/")[2] for n in sdist.getnames()}
    wanted = ("README.md", "README.zh.md", "LICENSE", "CHANGELOG.md", "examples/county/county.toml")
    assert set(wanted) <= names
    assert {n for n in names if n.startswith("models/")} >= {
        f"models/{f}" for f in files_of(ROOT / "models")
    }


def test_installed_wheel_knows_the_same_rules(installed: Path) -> None:
    program = """
import hashlib, json, pathlib
import gep
from gep.library import data_root
home = pathlib.Path(gep.__file__).parent
digest = lambda p: hashlib.sha256(p.read_bytes()).hexdigest()
print(json.dumps({
    "home": str(home),
    "standards": sorted(gep.standards()),
    "loaded": {name: gep.standard(name).files for name in gep.standards()},
    "roots": [str(data_root(n)) for n in ("models", "coefficients")],
}))
"""
    import gep

    found = json.loads(run(installed, "-c", program, cwd=installed.parent))
    environment = installed.parent.parent
    assert Path(found["home"]).is_relative_to(environment.resolve())
    assert all(Path(root).is_relative_to(found["home"]) for root in found["roots"])
    assert found["standards"] == sorted(gep.standards())
    assert found["loaded"] == {n: dict(gep.standard(n).files) for n in gep.standards()}


def test_installed_wheel_runs_the_example(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "teaching", tmp_path / "teaching")
    command = installed.with_name("gep.exe" if os.name == "nt" else "gep")
    run(command, "run", "teaching/project.toml", "--out", "out", cwd=tmp_path)
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made >= {"account.csv", "account.nc", "account.xlsx", "provenance.json"}


@pytest.mark.parametrize(
    "program",
    [
        "import gep",
        "import gep; dir(gep); gep.__version__",
        "import gep.cli; gep.cli.cli.main(['--help'], standalone_mode=False)",
    ],
)
def test_import_is_light(program: str, tmp_path: Path) -> None:
    report = f"; import sys, json; print(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    assert (
        json.loads(run(sys.executable, "-c", program + report, cwd=tmp_path).splitlines()[-1]) == []
    )
