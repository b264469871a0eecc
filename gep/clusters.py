"""Tasks on the workers of a Dask cluster: the same function as in threads, the same result."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gep.errors import DataError, UsageError

#: What must be the same everywhere, so that no bit of a result depends on who computed it.
PACKAGES = ("gep-accounting", "numpy", "rasterio", "pyproj", "shapely", "scipy")
#: Seconds to wait for a scheduler, and for its first worker.
PATIENCE = 30


@contextlib.contextmanager
def connect(client: Any) -> Iterator[Any]:
    """Give the client of a cluster.

    Parameters
    ----------
    client
        A ``dask.distributed.Client``, which stays open, or the address of a scheduler, such as
        ``tcp://10.0.0.1:8786``, or the path of a scheduler file.

    Raises
    ------
    UsageError
        If dask is not installed, the scheduler does not answer or has no workers, or its workers
        run other versions.
    """
    try:
        import distributed
    except ImportError:
        cure = 'pip install "gep-accounting[cluster]", here and on the workers'
        raise UsageError("a cluster needs dask.distributed", cure=cure) from None
    if not isinstance(client, str):
        _check(client)
        yield client
        return
    file = {"address": client}
    if client.endswith(".json"):
        file = {"scheduler_file": client}
        if not Path(client).is_file():  # dask would wait for it for ever
            cure = "start the scheduler (dask scheduler --scheduler-file ...) on a shared disk"
            raise UsageError("there is no such scheduler file", client, cure=cure)
    try:
        opened = distributed.Client(**file, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        cure = "start it (dask scheduler), and give its address, for example tcp://10.0.0.1:8786"
        raise UsageError("the scheduler does not answer", client, found, cure) from None
    with opened:
        _check(opened)
        yield opened


def run(
    client: Any,
    function: Callable[[Any, Any], Any],
    data: Any,
    tasks: Callable[[int], Sequence[Any]],
) -> Iterator[tuple[Any, Any]]:
    """Run a function on every task, in any order; stop the rest if one fails.

    Parameters
    ----------
    client
        See :func:`connect`.
    function
        Called with the data and a task; a function of a module that the workers have.
    data
        What all tasks need; sent to each worker once.
    tasks
        Returns the tasks for a number of threads.

    Yields
    ------
    tuple
        A task and what the function returned for it.

    Raises
    ------
    DataError
        If workers die at a task again and again.
    """
    with connect(client) as cluster:
        from distributed import KilledWorker, as_completed

        threads = sum(cluster.nthreads().values())
        sent = cluster.scatter(data, broadcast=True, hash=False)
        futures = {
            cluster.submit(function, sent, task, pure=False): task for task in tasks(threads)
        }
        try:
            with cluster.as_current():
                finished = as_completed(list(futures))
            for future in finished:
                task = futures.pop(future)
                yield task, future.result()
                future.release()
        except KilledWorker as error:
            cure = "give each worker more memory or fewer threads, or ask for smaller blocks"
            found = str(error).splitlines()[0]
            what = "workers of the cluster died at the same blocks again and again"
            raise DataError(what, "the cluster", found, cure) from None
        finally:
            cluster.cancel(list(futures))


def refuse_memory(files: Iterable[tuple[str, str]]) -> None:
    """Refuse files that lie in this process's memory: no other process can open them.

    Parameters
    ----------
    files
        Path and shown name of each.
    """
    inside = [name for path, name in files if path.startswith("/vsimem/")]
    if inside:
        cure = "write them as GeoTIFF to a place that all workers reach, or use threads"
        what = "arrays in memory cannot be read by the workers of a cluster"
        raise UsageError(what, found=", ".join(dict.fromkeys(inside)), cure=cure)


def versions() -> dict[str, str]:
    """Return the versions of what computes, here."""
    import rasterio

    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a checkout that is not installed
            found[package] = "not installed"
    found["gdal"] = str(rasterio.__gdal_version__)
    return found


def _check(client: Any) -> None:
    """Refuse a cluster without workers, or with others' versions."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        cure = "start some (dask worker ADDRESS)"
        raise UsageError("the cluster has no workers", _address(client), cure=cure) from None
    here = versions()
    there = client.run(versions)
    lines = [
        f"{worker}: {name} {found.get(name)}, here {own}"
        for worker, found in there.items()
        for name, own in here.items()
        if found.get(name) != own
    ]
    if lines:
        more = f"\nand {len(lines) - 8} more" if len(lines) > 8 else ""  # noqa: PLR2004
        cure = "install the same versions everywhere: a result must not depend on who computes it"
        found = "\n".join(lines[:8]) + more
        raise UsageError("workers run other versions", _address(client), found, cure)


def _address(client: Any) -> str:
    scheduler = client.scheduler
    return str(scheduler.address) if scheduler is not None else "the cluster"
