"""hindsight: how much knowledge of the future is in a language model, and in the way it is evaluated.

The command line is in `cli`. The public API of notebooks is imported from here; docs/api.md says what is in it. A name
is loaded when it is first asked for, so that `import hindsight` costs nothing and needs no Prefect, torch or server.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.common.errors import HindsightError
    from tasks.panel.build import BuiltPanel, build_panel, panel_from_prices, panel_from_table
    from tasks.panel.config import CsvSource, EcbFxSource, JpxSource, PanelConfig, PlantedSource, Sp500Source
    from tasks.panel.table.config import TableColumns, TableSource
    from tasks.premium.config import PremiumConfig, RobustConfig
    from tasks.premium.measurement import Difference, Measurement, measure
    from tasks.premium.reference.draws import resample_stocks
    from tasks.sampling.splitters import (
        Chronological,
        CombinatorialPurged,
        DateDisjoint,
        LabelSplitter,
        StockAndDateDisjoint,
        StockDisjoint,
        WalkForward,
        audit,
    )
    from tasks.sampling.two_way import two_way_interval, two_way_weights
    from tasks.store.address import open_artifact

__all__ = [
    "BuiltPanel",
    "Chronological",
    "CombinatorialPurged",
    "CsvSource",
    "DateDisjoint",
    "Difference",
    "EcbFxSource",
    "HindsightError",
    "JpxSource",
    "LabelSplitter",
    "Measurement",
    "PanelConfig",
    "PlantedSource",
    "PremiumConfig",
    "RobustConfig",
    "Sp500Source",
    "StockAndDateDisjoint",
    "StockDisjoint",
    "TableColumns",
    "TableSource",
    "WalkForward",
    "audit",
    "build_panel",
    "measure",
    "open_artifact",
    "panel_from_prices",
    "panel_from_table",
    "resample_stocks",
    "two_way_interval",
    "two_way_weights",
]

_MODULES = {
    "tasks.common.errors": ["HindsightError"],
    "tasks.panel.build": ["BuiltPanel", "build_panel", "panel_from_prices", "panel_from_table"],
    "tasks.panel.config": ["CsvSource", "EcbFxSource", "JpxSource", "PanelConfig", "PlantedSource", "Sp500Source"],
    "tasks.panel.table.config": ["TableColumns", "TableSource"],
    "tasks.premium.config": ["PremiumConfig", "RobustConfig"],
    "tasks.sampling.two_way": ["two_way_interval", "two_way_weights"],
    "tasks.premium.measurement": ["Difference", "Measurement", "measure"],
    "tasks.premium.reference.draws": ["resample_stocks"],
    "tasks.sampling.splitters": [
        "Chronological",
        "CombinatorialPurged",
        "DateDisjoint",
        "LabelSplitter",
        "StockAndDateDisjoint",
        "StockDisjoint",
        "WalkForward",
        "audit",
    ],
    "tasks.store.address": ["open_artifact"],
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'hindsight' has no attribute {name!r}; its public names: {', '.join(__all__)}")
    from hindsight.own_packages import check_own_packages

    module = _MODULE_OF[name]
    check_own_packages([module.split(".")[0]])
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
