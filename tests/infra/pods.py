"""A pretended cluster's job controller and kubelet: each Job gets one pod, each pod is a tree of processes here.

What is modelled, after Kubernetes' documentation of Job, pod lifecycle and eviction: a pod that is asked to leave
runs its preStop hook, then its main process gets SIGTERM, and at the end of the grace everything in it SIGKILL. A Job
counts a leaving pod as failed at once, unless its podReplacementPolicy is Failed (`batch/v1 JobSpec`). Mounts are
folders: values of environment variables below a mount's path are moved below the pod's folder.
"""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.common.settings import project_root
from tests.flows.live_processes import processes_of
from tests.infra.objects import Object, Objects, now


def container_status(ready: bool = False, **state: Any) -> dict[str, Any]:
    """Of the only container, in a state such as `waiting={"reason": ...}`."""
    return {
        "name": "prefect-job",
        "image": "example.org/image:1",
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        "state": state,
    }


@dataclass
class Pods:
    """Runs the pods of Jobs.

    Args:
        folder: Where each has one of its own.
        secrets: Values by the secret's name and key.
        objects: The cluster's.
        waiting: What keeps new pods from starting: a field of a pod's status, such as an image that cannot be pulled.
    """

    folder: Path
    secrets: dict[tuple[str, str], str]
    objects: Objects
    waiting: dict[str, Any] | None = None
    released: asyncio.Event = field(default_factory=asyncio.Event)
    _main: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    _causes: dict[str, str] = field(default_factory=dict)

    async def run(self, job: Object) -> None:
        """Start a Job's pod, and follow it to its end."""
        template, name = job["spec"]["template"], job["metadata"]["name"]
        labels = {**template["metadata"].get("labels", {}), "job-name": name, "batch.kubernetes.io/job-name": name}
        content = {"metadata": {"generateName": f"{name}-", "labels": labels}, "spec": template["spec"]}
        pod = await self.objects.add("pods", job["metadata"]["namespace"], content | {"status": {"phase": "Pending"}})
        await self.objects.change("jobs", job, active=1, startTime=now())
        if self.waiting is not None:
            await self.objects.change("pods", pod, **self.waiting)
            await self.released.wait()
            if ("pods", pod["metadata"]["name"]) not in self.objects.found:
                return
            pod["status"].pop("conditions", None)
        code = await self._run_processes(pod)
        await self._finish(job, pod, code)

    def log(self, pod: Object) -> Path:
        """What its container has printed."""
        return self.folder / pod["metadata"]["name"] / "log"

    async def leave(self, pod: Object, status: dict[str, Any] | None = None) -> None:
        """Ask a pod to leave, as an eviction, a drain or a deletion does.

        Args:
            pod: A running or pending one.
            status: What the pod's status says at its end, such as the reason of a node's pressure.
        """
        uid, grace = pod["metadata"]["uid"], pod["spec"]["terminationGracePeriodSeconds"]
        if status:
            pod["ending"] = status
        pod["metadata"] |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": grace}
        await self.objects.change("pods", pod)
        await self._count_leaving(pod)
        main = self._main.get(uid)
        if main is None:
            await self.objects.remove("pods", pod)
            self.released.set()
            return
        deadline = asyncio.get_running_loop().time() + grace
        await self._run_hook(pod, grace)
        if main.returncode is None:
            main.send_signal(signal.SIGTERM)
        while main.returncode is None and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.1)
        self.kill(pod)

    def kill(self, pod: Object, cause: str = "Error") -> None:
        """SIGKILL everything in a pod.

        Args:
            pod: A running one.
            cause: `OOMKilled`, or `lost` for a node that says nothing any more.
        """
        self._causes[pod["metadata"]["uid"]] = cause
        for process in processes_of(pod["metadata"]["uid"]):
            process.kill()

    async def _run_processes(self, pod: Object) -> int:
        container, uid = pod["spec"]["containers"][0], pod["metadata"]["uid"]
        folder = self.folder / pod["metadata"]["name"]
        folder.mkdir(parents=True)
        with self.log(pod).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *container["args"],
                cwd=folder,
                env=self._environment(pod),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._main[uid] = process
        running = container_status(ready=True, running={"startedAt": now()})
        await self.objects.change("pods", pod, phase="Running", startTime=now(), containerStatuses=[running])
        code = await process.wait()
        # A container's other processes end with its first.
        for left in processes_of(pod["metadata"]["uid"]):
            left.kill()
        return code

    async def _finish(self, job: Object, pod: Object, code: int) -> None:
        cause = self._causes.get(pod["metadata"]["uid"], "Error")
        if cause == "lost":
            await self.objects.change("pods", pod, conditions=[{"type": "Ready", "status": "Unknown"}])
            return
        succeeded = code == 0 and "ending" not in pod
        ended = {"exitCode": code if code >= 0 else 128 - code, "finishedAt": now()}
        ended["reason"] = "Completed" if code == 0 else cause
        phase = "Succeeded" if succeeded else "Failed"
        await self.objects.change(
            "pods", pod, phase=phase, containerStatuses=[container_status(terminated=ended)], **pod.get("ending", {})
        )
        if not job["status"].get("failed"):
            counts = {"succeeded": 1} if succeeded else {"failed": 1}
            await self.objects.change("jobs", job, active=0, terminating=0, **counts)
        if "deletionTimestamp" in pod["metadata"]:
            await self.objects.remove("pods", pod)

    async def _count_leaving(self, pod: Object) -> None:
        job = self.objects.found.get(("jobs", pod["metadata"]["labels"]["job-name"]))
        if job is None:
            return
        waits = job["spec"].get("podReplacementPolicy", "TerminatingOrFailed") == "Failed"
        await self.objects.change("jobs", job, active=0, terminating=1, **({} if waits else {"failed": 1}))

    async def _run_hook(self, pod: Object, grace: float) -> None:
        hook = pod["spec"]["containers"][0].get("lifecycle", {}).get("preStop")
        if hook is None:
            return
        with self.log(pod).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *hook["exec"]["command"], env=self._environment(pod), cwd=project_root(), stdout=log, stderr=log
            )
        try:
            await asyncio.wait_for(process.wait(), grace)
        except TimeoutError:
            process.kill()

    def _environment(self, pod: Object) -> dict[str, str]:
        container, folder = pod["spec"]["containers"][0], self.folder / pod["metadata"]["name"]
        mounts = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "scratch"]
        found = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            # The image has the project installed, and no hub.
            "PYTHONPATH": str(project_root()),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "POD_UID": pod["metadata"]["uid"],
        }
        for each in container["env"]:
            if "valueFrom" in each:
                key = each["valueFrom"]["secretKeyRef"]
                found[each["name"]] = self.secrets[key["name"], key["key"]]
            else:
                found[each["name"]] = each["value"]
        for mount in mounts:
            for name, value in found.items():
                if value == mount or value.startswith(f"{mount}/"):
                    found[name] = str(folder) + value.removeprefix(mount)
        return found
