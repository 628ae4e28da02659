"""What surrounds the jobs on a cluster: its file, the namespace's manifests, the charts' values, and bad input."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from prefect.client.schemas.objects import WorkPoolStatus
from prefect.settings.models.root import Settings

from deployments.kubernetes.site import BadSite, load_site
from deployments.kubernetes.template import POOL_LABEL, work_pool
from flows.server import pools
from tasks.common.settings import project_root
from tasks.costs.hardware import POOLS
from tests.infra.manifests import INFRA, SITE, read_all
from tests.infra.test_manifests import NEWEST, bytes_of

MANIFESTS = {
    f"{file.stem}: {document['kind']}": document
    for file in sorted(INFRA.glob("*.yaml"))
    for document in read_all(file)
    if "kind" in document
}
SERVER, WORKER = (read_all(INFRA / f"{name}-values.yaml")[0] for name in ("server", "worker"))


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_is_valid_for_the_newest_versions_of_kubernetes(name: str) -> None:
    for version in NEWEST:
        kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_the_quota_lets_every_pool_run_what_it_may_and_no_second_node_of_eight() -> None:
    hard = MANIFESTS["quota: ResourceQuota"]["spec"]["hard"]
    at_once = [
        pool for name, pool in SITE.pools.items() for _ in range(work_pool(name, SITE)["concurrency_limit"] or 4)
    ]
    assert int(hard["requests.nvidia.com/gpu"]) == POOLS["h100"].n_gpus + POOLS["h100x8"].n_gpus
    assert int(hard["requests.cpu"]) >= sum(pool.cpus for pool in at_once)
    assert bytes_of(hard["requests.memory"]) >= sum(pool.memory_gib for pool in at_once) * 2**30
    assert bytes_of(hard["requests.storage"]) >= sum(pool.scratch_gb for pool in at_once) * 10**9


def test_policies_and_budget_select_the_pods_of_stages() -> None:
    (stages_policy, _), (budget,) = (read_all(INFRA / f"{name}.yaml") for name in ("network-policy", "pdb"))
    (selected,) = stages_policy["spec"]["podSelector"]["matchExpressions"]
    (protected,) = budget["spec"]["selector"]["matchExpressions"]
    assert selected["key"] == protected["key"] == POOL_LABEL
    assert set(protected["values"]) == {name for name, pool in POOLS.items() if pool.n_gpus}


def test_the_servers_settings_are_those_of_prefect_toml() -> None:
    environment = {each["name"]: each["value"] for each in SERVER["server"]["env"]}
    ours = Settings().to_environment_variables(exclude_unset=True)
    for name, value in environment.items():
        if name not in ("PREFECT_HOME", "PREFECT_SERVER_EVENTS_EXPIRED_BUCKET_BUFFER"):
            assert ours[name].lower().removesuffix(".0") == value.lower(), name
    assert ours["PREFECT_SERVER_EVENTS_EXPIRED_BUCKET_BUFFER"] in ("P1D", "86400.0", "1 day, 0:00:00")


def test_server_and_workers_are_the_projects_version_of_prefect_and_hold_no_secret() -> None:
    version = json.loads(json.dumps(read_all(project_root() / "prefect.yaml")[0]))["prefect-version"]
    for values in (SERVER["global"]["prefect"], WORKER["worker"]):
        assert values["image"]["prefectTag"].startswith(f"{version}-")
    for basic_auth in (SERVER["server"]["basicAuth"], WORKER["worker"]["selfHostedServerApiConfig"]["basicAuth"]):
        assert basic_auth == {"enabled": True, "existingSecret": "hindsight-auth"}
    assert SERVER["secret"] == {"create": False, "name": "hindsight-database"}


@pytest.mark.parametrize(("chart", "values"), [("prefect-server", SERVER), ("prefect-worker", WORKER)])
def test_values_fit_the_charts_schema(chart: str, values: dict[str, Any]) -> None:
    folder = os.environ.get("CHART_SCHEMAS")
    if not folder:
        pytest.skip("CHART_SCHEMAS names no folder with CHART.schema.json, from charts/CHART of PrefectHQ/prefect-helm")
    schema = json.loads(Path(folder, f"{chart}.schema.json").read_text())
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(values)) == []


@pytest.mark.parametrize(
    ("line", "changed", "sentence"),
    [
        ("    shm_gib: 8", "    shm_gib: 60", "shm_gib=60 is more than half of memory_gib=64"),
        ("    cpus: 8", "    cpus: 8\n    n_gpus: 0", "pools.cpu.n_gpus is an unknown key"),
        ("  AWS_REGION: us-east-1", "  AWS_SECRET_ACCESS_KEY: jbsw43", "a secret here could be read by everyone"),
        ("hindsight-cpu:0.1.0", "hindsight-cpu", "string should match pattern"),
        ("  h100x8:", "  h200:", "pools.h200"),
    ],
    ids=["more shared memory than there is", "GPUs, which a pool's name decides", "a secret", "no tag", "unknown pool"],
)
def test_a_bad_cluster_file_is_refused_in_a_sentence(tmp_path: Path, line: str, changed: str, sentence: str) -> None:
    text = (INFRA / "pools.yaml").read_text()
    assert line in text
    (tmp_path / "pools.yaml").write_text(text.replace(line, changed, 1))
    with pytest.raises(BadSite) as refused:
        load_site(tmp_path / "pools.yaml")
    assert sentence in str(refused.value)
    assert "jbsw43" not in str(refused.value)


def pool(status: WorkPoolStatus, template: dict[str, Any]) -> Any:
    return SimpleNamespace(name="h100", type="kubernetes", status=status, is_paused=False, base_job_template=template)


def test_pods_without_the_pools_gpus_and_a_pool_nobody_serves_are_named() -> None:
    template = work_pool("h100", SITE)["base_job_template"]
    served = pool(WorkPoolStatus.READY, template)
    assert (pools.why_unserved("h100", served), pools.gpu_problem(served)) == (None, None)
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    del pod["containers"][0]["resources"]["limits"][pools.GPU]
    unserved = pool(WorkPoolStatus.NOT_READY, template)
    no_gpu, nobody = pools.gpu_problem(unserved), pools.why_unserved("h100", unserved)
    assert no_gpu is not None
    assert no_gpu.startswith("the pods of pool h100 have 0 GPUs, and recipes and prices count 1;")
    assert nobody is not None
    assert nobody.startswith("pool h100 has no worker online; start one, such as the chart's release worker-h100")
