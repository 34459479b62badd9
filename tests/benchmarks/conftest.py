"""What benchmarks may ask for."""

from collections.abc import Iterator

import pytest

from tests.benchmarks.measuring import Report, new_report
from tests.benchmarks.product import Product, running_product


@pytest.fixture(scope="session")
def report() -> Report:
    """Takes the figures of all benchmarks of the run."""
    return new_report()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product as `make run` starts it, one for each file of benchmarks."""
    with running_product(tmp_path_factory.mktemp("product") / "home") as product:
        yield product
