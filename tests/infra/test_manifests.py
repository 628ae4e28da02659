"""Every deployment of prefect.yaml as a Job: rendered by prefect-kubernetes, valid for Kubernetes, within its laws."""

import re
from typing import Any

import kubernetes_validate
import pytest
from kubernetes_validate.utils import all_versions
from prefect_kubernetes.worker import KubernetesWorker

from deployments.kubernetes.site import SECRET_WORDS
from deployments.kubernetes.template import IMAGE_USER
from flows.server.pools import GPU
from tasks.common.settings import project_root
from tasks.costs.hardware import GIB, POOLS
from tasks.preflight.checks.machine import _disk
from tasks.preflight.planned_run import PlannedRun
from tasks.recipe import load_recipe
from tasks.train.estimates.memory import keeping_seconds
from tests.architectures import qwen_35b
from tests.infra.manifests import DEPLOYMENTS, SITE, job_from, job_of

NEWEST = sorted({version.rpartition(".")[0] for version in all_versions()}, key=lambda v: int(v.partition(".")[2]))[-5:]
OF_POOL = {pool: next(e for e in DEPLOYMENTS.values() if e["work_pool"]["name"] == pool) for pool in POOLS}
TRUE_SIZE = ("fineweb-2017-26-lora", "fineweb-2017-26-full-weight")


FAST = {next(name for name, each in DEPLOYMENTS.items() if each is first) for first in OF_POOL.values()}
"""One deployment per pool: reading five versions' schemas takes a second for each."""


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in DEPLOYMENTS]
)
def job(request: pytest.FixtureRequest) -> dict[str, Any]:
    return job_of(DEPLOYMENTS[request.param])


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = job["spec"]["template"]["spec"]
    return pod


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_of(job)["containers"]
    found: dict[str, Any] = container
    return found


def bytes_of(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Gi|G|)", quantity).groups()
    return int(number) * {"Gi": GIB, "G": 10**9, "": 1}[unit]


def test_it_is_valid_for_the_newest_versions_of_kubernetes(job: dict[str, Any]) -> None:
    assert len(NEWEST) == 5
    for version in NEWEST:
        kubernetes_validate.validate(job, version, strict=True)


def test_it_asks_for_the_pools_gpus_and_says_which_pool_it_is(job: dict[str, Any]) -> None:
    environment = {each["name"]: each.get("value") for each in container_of(job)["env"]}
    pool = environment["HINDSIGHT_POOL"]
    for amounts in container_of(job)["resources"].values():
        assert int(amounts.get(GPU, 0)) == POOLS[pool].n_gpus
    assert job["spec"]["template"]["metadata"]["labels"]["hindsight.pool"] == pool


def test_it_runs_prefects_own_command_once(job: dict[str, Any]) -> None:
    assert container_of(job)["args"] == ["prefect", "flow-run", "execute"]
    spec = job["spec"]
    assert (spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (1, 1, 0)
    assert not {"parallelism", "completions"} & pod_of(job).keys()
    assert pod_of(job)["restartPolicy"] == "Never"
    environment = {each["name"]: each.get("value") for each in container_of(job)["env"]}
    assert environment["PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR"] == "reschedule"


def test_it_has_no_rights_in_the_cluster_nor_on_its_node(job: dict[str, Any]) -> None:
    pod, container = pod_of(job), container_of(job)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert not [volume for volume in pod["volumes"] if "hostPath" in volume]


def test_all_that_a_run_writes_lies_on_its_own_volumes(job: dict[str, Any]) -> None:
    environment = {each["name"]: each.get("value") for each in container_of(job)["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container_of(job)["volumeMounts"]}
    assert mounts.keys() == {volume["name"] for volume in pod_of(job)["volumes"]}
    for name in ("HINDSIGHT_STATE", "PREFECT_HOME", "HOME", "TMPDIR"):
        assert environment[name] == mounts["scratch"] or environment[name].startswith(f"{mounts['scratch']}/")
    assert pod_of(job)["securityContext"]["fsGroup"] == IMAGE_USER, "a volume's folder is root's"
    assert job["spec"]["ttlSecondsAfterFinished"] <= 900, "a finished pod keeps its volume"


def test_shared_memory_is_memory_and_part_of_what_the_pod_may_have(job: dict[str, Any]) -> None:
    (shm,) = [volume["emptyDir"] for volume in pod_of(job)["volumes"] if volume["name"] == "shm"]
    assert shm["medium"] == "Memory"
    assert 64 * 2**20 < bytes_of(shm["sizeLimit"]) < bytes_of(container_of(job)["resources"]["limits"]["memory"])


def test_secrets_are_named_and_never_written_out(job: dict[str, Any]) -> None:
    by_name = {each["name"]: each for each in container_of(job)["env"]}
    assert set(SITE.secrets) <= set(by_name)
    for name, each in by_name.items():
        if SECRET_WORDS & set(name.split("_")):
            assert set(each) == {"name", "valueFrom"}, name
            assert set(each["valueFrom"]) == {"secretKeyRef"}, name


def test_names_and_labels_are_such_that_a_cluster_takes_them(job: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,56}[a-z0-9])?-", job["metadata"]["generateName"])
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        for value in metadata["labels"].values():
            assert re.fullmatch(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", value), value


def test_the_default_template_of_prefect_is_what_a_strict_api_server_refuses() -> None:
    template = KubernetesWorker.get_default_base_job_template()
    with pytest.raises(kubernetes_validate.ValidationError, match=r"completions|parallelism"):
        kubernetes_validate.validate(job_from(template, OF_POOL["cpu"]), NEWEST[-1], strict=True)


@pytest.mark.parametrize("name", TRUE_SIZE)
def test_the_pools_of_the_true_size_recipes_have_the_disk_and_the_time_that_preflight_predicts(name: str) -> None:
    run = PlannedRun.of(load_recipe(project_root() / "configs" / f"{name}.yaml"), qwen_35b(), 30_000)
    pod = pod_of(job_of(OF_POOL[run.training.pool]))
    claim = next(volume["ephemeral"] for volume in pod["volumes"] if "ephemeral" in volume)
    size = bytes_of(claim["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"])
    assert size >= run.training.base_bytes + _disk(run, ["train"])
    (hook,) = [each["lifecycle"]["preStop"]["exec"]["command"] for each in pod["containers"]]
    assert float(hook[-1]) >= keeping_seconds(run.training.state_bytes)
    assert pod["terminationGracePeriodSeconds"] >= float(hook[-1]) + 60
