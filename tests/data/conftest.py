from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Parse the chorales afresh, and leave the user's cache alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDG_LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
