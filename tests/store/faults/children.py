"""Clients in child processes, which a test may kill."""

import multiprocessing
import os
from multiprocessing.process import BaseProcess
from pathlib import Path

from tasks.common.errors import HindsightError
from tasks.store.store import Store
from tests.store.faults.site import SMALL_CHUNK, Site
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig

REFUSED = 7
"""Exit code of a child that ended with a HindsightError; 1 is a traceback."""

_servant = multiprocessing.get_context("forkserver")
# Forked from a process that has imported everything: a child starts in a tenth of a second instead of two.
_servant.set_forkserver_preload(["pytest", "tests.store.faults.children", "tasks.store.s3_objects"])


def publisher(site: Site, folder: Path | None = None, endpoint: str | None = None) -> BaseProcess:
    """A process that publishes a folder under the site's spec, started."""
    return _start(_publish, site, folder or site.folder, endpoint)


def fetcher(site: Site) -> BaseProcess:
    """A process that fetches the site's artifact into the site's cache, started."""
    return _start(_fetch, site, site.scratch / "cache", None)


def _start(target, site: Site, folder: Path, endpoint: str | None) -> BaseProcess:
    names = {
        **(site.server.environment() if site.server else {}),
        "HINDSIGHT_S3_ENDPOINT": endpoint or (site.proxy.endpoint if site.proxy else ""),
        "HINDSIGHT_S3_TIMEOUT": "2",
        "HINDSIGHT_STATE": str(site.scratch / "state"),
    }
    child = _servant.Process(target=target, args=(names, site.url, folder), daemon=True)
    child.start()
    return child


def _publish(names: dict[str, str], url: str, folder: Path) -> None:
    store = _opened(names, url, folder.parent / "unused")
    _or_refused(lambda: store.publish(ARTIFACT_TYPE.spec(SmallConfig()), folder, {"n": 2}, 1.5))


def _fetch(names: dict[str, str], url: str, cache: Path) -> None:
    store = _opened(names, url, cache)

    def fetch() -> None:
        ref = store.find(ARTIFACT_TYPE.spec(SmallConfig()))
        assert ref is not None
        store.fetch(ref)

    _or_refused(fetch)


def _opened(names: dict[str, str], url: str, cache: Path) -> Store:
    os.environ.update(names)
    return Store(url, cache, SMALL_CHUNK)


def _or_refused(work) -> None:
    try:
        work()
    except HindsightError:
        os._exit(REFUSED)
