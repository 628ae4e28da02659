import pytest

from tasks.formulas.catalogue import Catalogue, load_catalogue
from tasks.formulas.evaluate import evaluate
from tasks.formulas.operators.registry import FloatArray
from tasks.formulas.panel import Panel, panel_from_rows
from tests.formulas.prices import rows


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def panel() -> Panel:
    return panel_from_rows(rows())


@pytest.fixture(scope="session")
def computed(catalogue: Catalogue, panel: Panel) -> dict[str, FloatArray]:
    """Every executable formula on the complete panel."""
    return dict(evaluate(catalogue.executable, panel))
