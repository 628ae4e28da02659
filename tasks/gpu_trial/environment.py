"""Part `environment`: the machine, its versions, and whether the recipe's kernels can be imported."""

from importlib.metadata import version
from pathlib import Path

from tasks.doctor.facts import find_facts
from tasks.doctor.needs import Needs, hardware_checks, kernel_checks
from tasks.forward.load import device_type
from tasks.gpu_trial.schema import Findings, Size
from tasks.gpu_trial.training import RECIPE, recipe_config

PACKAGES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy", "scikit-learn")


def environment(size: Size, work: Path) -> Findings:
    """Look at the machine as the doctor does, without store and server; on a GPU against the pool of the recipe."""
    on_gpu = device_type() == "cuda"
    needs = Needs("h100", {RECIPE: recipe_config()}) if on_gpu else Needs()
    facts = find_facts()
    checks = (*hardware_checks(facts, needs), *kernel_checks(facts, needs))
    versions = {name: version(name) for name in PACKAGES}
    return Findings(figures={"machine": facts.model_dump(mode="json"), "versions": versions}, checks=checks)
