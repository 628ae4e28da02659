"""What surrounds the jobs on a cluster: its file, the namespaces' manifests, the charts' values, and bad input."""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes_validate
import pytest
from prefect.client.schemas.objects import WorkPoolStatus
from ruamel.yaml import YAML

from deployments.kubernetes.site import BadSite, load_site
from deployments.kubernetes.template import POOL_LABEL, work_pool
from flows.server import pools
from hindsight.cli.metrics import DEFAULT_PORT
from tasks.common.settings import project_root
from tasks.costs.hardware import POOLS
from tests.infra.manifests import INFRA, SITE, read_all
from tests.infra.test_manifests import NEWEST, bytes_of

MANIFESTS = {
    f"{file.stem}: {document['kind']} {document['metadata']['name']}": document
    for file in sorted(INFRA.glob("*.yaml"))
    for document in read_all(file)
    if "kind" in document
}
OF_THE_SERVER = "hindsight-server"
SERVER, WORKER = (read_all(INFRA / f"{name}-values.yaml")[0] for name in ("server", "worker"))


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_is_valid_for_the_newest_versions_of_kubernetes(name: str) -> None:
    for version in NEWEST:
        kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_the_quota_lets_every_pool_run_what_it_may_and_no_second_node_of_eight() -> None:
    hard = MANIFESTS["quota: ResourceQuota hindsight"]["spec"]["hard"]
    at_once = [
        pool for name, pool in SITE.pools.items() for _ in range(work_pool(name, SITE)["concurrency_limit"] or 4)
    ]
    assert int(hard["requests.nvidia.com/gpu"]) == POOLS["h100"].n_gpus + POOLS["h100x8"].n_gpus
    assert int(hard["requests.cpu"]) >= sum(pool.cpus for pool in at_once)
    assert bytes_of(hard["requests.memory"]) >= sum(pool.memory_gib for pool in at_once) * 2**30
    # A run that has just ended keeps its volume for FINISHED_SECONDS.
    before = [SITE.pools[name] for name, pool in POOLS.items() if pool.n_gpus]
    assert bytes_of(hard["requests.storage"]) >= sum(pool.scratch_gb for pool in (*at_once, *before)) * 10**9


def test_policies_and_budget_select_the_pods_of_stages() -> None:
    (stages_policy, _), (budget,) = (read_all(INFRA / f"{name}.yaml") for name in ("network-policy", "pdb"))
    (selected,) = stages_policy["spec"]["podSelector"]["matchExpressions"]
    (protected,) = budget["spec"]["selector"]["matchExpressions"]
    assert selected["key"] == protected["key"] == POOL_LABEL
    assert set(protected["values"]) == {name for name, pool in POOLS.items() if pool.n_gpus}


def test_no_worker_may_start_a_pod_beside_the_secrets_of_the_database() -> None:
    """Who makes Jobs in a namespace can mount its secrets; workers make them in the site's."""
    namespaces = [document["metadata"] for document in MANIFESTS.values() if document["kind"] == "Namespace"]
    assert {each["name"] for each in namespaces} == {SITE.namespace, OF_THE_SERVER}
    assert {each["labels"]["pod-security.kubernetes.io/enforce"] for each in namespaces} == {"restricted"}
    stages, server = read_all(INFRA / "network-policy.yaml")
    assert (stages["metadata"]["namespace"], server["metadata"]["namespace"]) == (SITE.namespace, OF_THE_SERVER)
    (to_server,) = [peer for rule in stages["spec"]["egress"] for peer in rule.get("to", [])]
    assert to_server["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": OF_THE_SERVER}
    assert to_server["podSelector"] == server["spec"]["podSelector"]
    workers_api = WORKER["worker"]["selfHostedServerApiConfig"]["apiUrl"]
    assert workers_api == f"http://prefect-server.{OF_THE_SERVER}.svc.cluster.local:4200/api"
    page = (project_root() / "docs" / "kubernetes.md").read_text()
    assert f"kubectl -n {OF_THE_SERVER} create secret generic hindsight-database" in page
    assert "kubectl -n hindsight create secret generic hindsight-database" not in page
    assert f"helm install prefect-server prefect/prefect-server --namespace {OF_THE_SERVER}" in page


def check_admitted(pod: dict[str, Any]) -> None:
    """What the namespaces' level `restricted` and a quota ask of a pod."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in [*pod["containers"], *(pod.get("initContainers") or [])]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert all({"cpu", "memory"} <= set(container["resources"][which]) for which in ("requests", "limits"))


def test_the_metrics_are_served_as_the_namespace_admits_it_with_the_servers_password() -> None:
    pod = MANIFESTS["metrics: Deployment hindsight-metrics"]["spec"]["template"]["spec"]
    check_admitted(pod)
    (container,) = pod["containers"]
    environment = {each["name"]: each for each in container["env"]}
    of_server = {"name": SERVER["server"]["basicAuth"]["existingSecret"], "key": "auth-string"}
    for name in ("HINDSIGHT_AUTH", "PREFECT_API_AUTH_STRING"):
        assert environment[name]["valueFrom"]["secretKeyRef"] == of_server
    assert container["image"] == SITE.pools["cpu"].image
    (port,) = MANIFESTS["metrics: Service hindsight-metrics"]["spec"]["ports"]
    assert port["port"] == container["ports"][0]["containerPort"] == DEFAULT_PORT


def variables(table: dict[str, Any], prefix: str = "PREFECT") -> dict[str, str]:
    """Prefect's settings in a file as the variables that set them."""
    found: dict[str, str] = {}
    for name, value in table.items():
        key = f"{prefix}_{name.upper()}"
        found |= variables(value, key) if isinstance(value, dict) else {key: str(value).lower()}
    return found


def test_the_settings_of_server_and_workers_are_those_of_prefect_toml_all_of_them() -> None:
    """Prefect's own images do not have the file."""
    ours = variables(tomllib.loads((project_root() / "prefect.toml").read_text()))
    of_server = {name: value for name, value in ours.items() if name.startswith("PREFECT_SERVER_")}
    given = {each["name"]: each["value"].lower() for each in SERVER["server"]["env"]}
    assert given == of_server | {"PREFECT_HOME": "/prefect"}
    given = {each["name"]: each["value"] for each in WORKER["worker"]["extraEnvVars"]}
    given["PREFECT_WORKER_QUERY_SECONDS"] = str(WORKER["worker"]["config"]["queryInterval"])
    assert ours.keys() - of_server.keys() == {"PREFECT_CLIENT_MAX_RETRIES", "PREFECT_WORKER_QUERY_SECONDS"}
    assert ours.items() - of_server.items() <= given.items()


def test_server_and_workers_are_the_projects_version_of_prefect_and_hold_no_secret() -> None:
    version = json.loads(json.dumps(read_all(project_root() / "prefect.yaml")[0]))["prefect-version"]
    for values in (SERVER["global"]["prefect"], WORKER["worker"]):
        assert values["image"]["prefectTag"].startswith(f"{version}-")
    for basic_auth in (SERVER["server"]["basicAuth"], WORKER["worker"]["selfHostedServerApiConfig"]["basicAuth"]):
        assert basic_auth == {"enabled": True, "existingSecret": "hindsight-auth"}
    assert SERVER["secret"] == {"create": False, "name": "hindsight-database"}


@pytest.mark.parametrize("chart", ["server", "worker"])
def test_the_charts_make_of_our_values_what_kubernetes_takes_and_the_namespaces_admit(chart: str) -> None:
    """Helm refuses values that do not fit a chart's schema."""
    folder, helm = os.environ.get("CHARTS"), shutil.which("helm")
    if not (folder and helm):
        pytest.skip("it needs helm, and CHARTS to name the folder charts of PrefectHQ/prefect-helm with dependencies")
    command = [helm, "template", f"prefect-{chart}", f"{folder}/prefect-{chart}"]
    namespace = OF_THE_SERVER if chart == "server" else SITE.namespace
    command += ["--namespace", namespace, "--values", str(INFRA / f"{chart}-values.yaml")]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    objects = [without_null(each) for each in YAML(typ="safe", pure=True).load_all(rendered) if each]
    assert {each["metadata"]["namespace"] for each in objects} == {namespace}
    for each in objects:
        for version in NEWEST:
            kubernetes_validate.validate(each, version, strict=True)
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    check_admitted(deployment["spec"]["template"]["spec"])


def without_null(value: Any) -> Any:
    """As an API server takes it: null is no value."""
    if isinstance(value, dict):
        return {name: without_null(part) for name, part in value.items() if part is not None}
    return [without_null(part) for part in value] if isinstance(value, list) else value


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
