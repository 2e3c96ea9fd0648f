from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.server import reset


def awkward(folder: Path) -> Path:
    """A path with a space, and longer than a socket's may be."""
    return folder / ("a long name " + "x" * 120) / "pg"


@pytest.fixture(scope="package")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder for tests that do not mind what others left in it; removed wherever it lives."""
    folder = awkward(tmp_path_factory.mktemp("shared"))
    yield folder
    reset(folder)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """A data folder that does not exist yet."""
    folder = awkward(tmp_path)
    yield folder
    reset(folder)
