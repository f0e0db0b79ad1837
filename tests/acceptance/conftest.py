"""One running system per test module."""

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from tests.acceptance.harness import System, free_port, record, settings_of


@pytest.fixture(scope="module")
def system(request: pytest.FixtureRequest) -> Iterator[System]:
    """Give a running system with the recordings and settings its module names, stopped after the module."""
    folder = Path(mkdtemp(prefix="tutordex-"))  # a short path, and one that no other test run tidies up
    (folder / "recordings").mkdir()
    for name, channel_id, per_hour in request.module.RECORDINGS:
        record(folder / "recordings" / f"{name}.jsonl", channel_id, per_hour)
    made = System(folder=folder, port=free_port(), settings=settings_of(folder, request.module.SETTINGS))
    made.start()
    yield made
    if made.process and made.process.poll() is None:
        made.stop()
    rmtree(folder)
