"""The base job template of a Kubernetes pool: a Job of one pod, that Prefect fills in for each run.

Who restarts a stage, and why `backoffLimit` is 0 and `podReplacementPolicy` is Failed: docs/decisions/0036.
"""

import json
from typing import Any

from deployments.kubernetes.site import Site, SitePool
from deployments.pools import POOLS_DIR
from flows.server.pools import GPU, KUBERNETES
from tasks.costs.hardware import POOLS

SCRATCH = "/scratch"
"""Everything a run writes: its state folder, caches and temporary files."""
IMAGE_USER = 10_001
POOL_LABEL = "hindsight.pool"
FINISHED_SECONDS = 600
"""A finished Job stays this long, for a worker that starts again to see how it ended. Its pod keeps the volume until
then, which is paid for and counts against the quota; what it printed is in the run's log."""
PENDING_SECONDS = 3_600
"""As `hindsight: pod pending, first look` in deployments/automations.yaml. Prefect-kubernetes 0.8.0 reads neither of
its two watch times; workers of earlier versions give a pod up after this one."""
BEFORE_STOP = ["python", "-m", "tasks.train.pipeline.before_stop"]


def work_pool(name: str, site: Site) -> dict[str, Any]:
    """What Prefect's API takes to create the pool. Description, limit and variables are those of the process pool."""
    plain = json.loads((POOLS_DIR / f"{name}.json").read_text())
    fixed = plain["base_job_template"]["variables"]["properties"]["env"]["default"]
    return {
        "name": name,
        "type": KUBERNETES,
        "description": plain["description"],
        "concurrency_limit": plain["concurrency_limit"],
        "base_job_template": {
            "job_configuration": {
                **{key: f"{{{{ {key} }}}}" for key in ("name", "command", "env", "labels", "stream_output")},
                "namespace": site.namespace,
                "pod_watch_timeout_seconds": PENDING_SECONDS,
                "job_manifest": _job(name, site),
            },
            "variables": _variables(site.pools[name], {**fixed, **_environment(site)}),
        },
    }


def _variables(pool: SitePool, environment: dict[str, str]) -> dict[str, Any]:
    """What a deployment or a run may change of the template."""
    texts = {"type": "object", "additionalProperties": {"type": "string"}}
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "title": "Name", "description": "Start of the Job's name."},
            "image": {"type": "string", "title": "Image", "default": pool.image},
            "env": {
                **texts,
                "title": "Environment",
                "description": "Of the pod, without secrets.",
                "default": environment,
            },
            "labels": {**texts, "title": "Labels", "description": "Added to the Job and its pod."},
            "command": {"type": "string", "title": "Command", "description": "Leave it unset: Prefect's own command."},
            "stream_output": {"type": "boolean", "title": "Stream output", "default": True},
        },
    }


def _environment(site: Site) -> dict[str, str]:
    return {
        "HINDSIGHT_STATE": f"{SCRATCH}/state",
        "PREFECT_HOME": f"{SCRATCH}/prefect",
        # Caches of the hub, Triton, matplotlib and others; the volume's own folder exists, one below it would not yet.
        "HOME": SCRATCH,
        "TMPDIR": SCRATCH,
        # The image's user may have no name, and torch asks for it.
        "USER": "hindsight",
        **site.environment,
    }


def _job(name: str, site: Site) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "labels": "{{ labels }}",
            "namespace": site.namespace,
            "generateName": "{{ name }}-",
        },
        "spec": {
            # Prefect's default template has these two in the pod's spec, where a strict API server refuses them.
            "parallelism": 1,
            "completions": 1,
            "backoffLimit": 0,
            # A pod that is leaving has not failed yet: it is about to hand its run back to Prefect.
            "podReplacementPolicy": "Failed",
            "ttlSecondsAfterFinished": FINISHED_SECONDS,
            "template": {
                "metadata": {
                    "labels": {POOL_LABEL: name},
                    "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
                },
                "spec": _pod(name, site),
            },
        },
    }


def _pod(name: str, site: Site) -> dict[str, Any]:
    pool = site.pools[name]
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{pool.scratch_gb}G"}},
    }
    if pool.storage_class:
        claim["storageClassName"] = pool.storage_class
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": pool.grace_seconds,
        "nodeSelector": pool.node_selector,
        "tolerations": [each.model_dump(exclude_none=True) for each in pool.tolerations],
        "imagePullSecrets": [{"name": secret} for secret in site.image_pull_secrets],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": IMAGE_USER,
            "runAsGroup": IMAGE_USER,
            "fsGroup": IMAGE_USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(name, site)],
        "volumes": [
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": claim}}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{pool.shm_gib}Gi"}},
            # For what ignores TMPDIR.
            {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
    }


def _container(name: str, site: Site) -> dict[str, Any]:
    pool, n_gpus = site.pools[name], POOLS[name].n_gpus
    amounts = {"cpu": str(pool.cpus), "memory": f"{pool.memory_gib}Gi", **({GPU: str(n_gpus)} if n_gpus else {})}
    container = {
        "name": "prefect-job",
        "image": "{{ image }}",
        "imagePullPolicy": "IfNotPresent",
        "args": "{{ command }}",
        # Prefect puts a run's variables before these.
        "env": [
            {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}
            for variable, secret in site.secrets.items()
        ],
        "resources": {"requests": amounts, "limits": dict(amounts)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "scratch", "mountPath": SCRATCH},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        ],
    }
    if pool.state_publish_seconds:
        command = [*BEFORE_STOP, str(pool.state_publish_seconds)]
        container["lifecycle"] = {"preStop": {"exec": {"command": command}}}
    return container
