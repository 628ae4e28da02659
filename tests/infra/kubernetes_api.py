"""An API server of Kubernetes for one namespace: the verbs that prefect-kubernetes' worker and observer use, over HTTP.

Discovery (kopf), list and watch of pods and jobs, create, read and delete of jobs, and a pod's log.
"""

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from tests.infra.objects import Object, Objects
from tests.infra.pods import Pods
from tests.s3_server import free_port

T = TypeVar("T")
NAMESPACE = "hindsight"
KINDS = {"pods": ("Pod", "v1"), "jobs": ("Job", "batch/v1")}
VERBS = ["create", "delete", "get", "list", "watch"]


class Cluster:
    """A running one; its methods are called by a test, in another thread.

    Args:
        folder: For its pods, and the kubeconfig of its clients.
        secrets: Values by the secret's name and key.
    """

    def __init__(self, folder: Path, secrets: dict[tuple[str, str], str]) -> None:
        self.loop, self.port, self.folder = asyncio.new_event_loop(), free_port(), folder
        self.objects = Objects()
        self.pods = Pods(folder / "pods", secrets, self.objects)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def kubeconfig(self) -> Path:
        """How clients find it."""
        return self.folder / "kubeconfig"

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the cluster's thread, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the cluster's thread."""
        asyncio.run_coroutine_threadsafe(work, self.loop)

    def of_run(self, kind: str, run_id: object) -> list[Object]:
        """Present pods or jobs of a flow run."""
        return self.objects.list(kind, f"prefect.io/flow-run-id={run_id}")

    def created(self, kind: str, run_id: object) -> list[Object]:
        """All that were ever created for a flow run."""
        return [
            content
            for _, of_kind, what, content in self.objects.events
            if (of_kind, what) == (kind, "ADDED")
            and content["metadata"]["labels"].get("prefect.io/flow-run-id") == str(run_id)
        ]

    def hold_pods(self, **status: Any) -> None:
        """Keep pods that are created from now on Pending, with this in their status."""
        self.pods.released = asyncio.Event()
        self.pods.waiting = status

    def let_pods_start(self) -> None:
        """End of `hold_pods`, for those that wait too."""
        self.pods.waiting = None
        self.loop.call_soon_threadsafe(self.pods.released.set)

    async def create_job(self, request: web.Request) -> web.Response:
        job = await self.objects.add("jobs", NAMESPACE, await request.json() | {"status": {}})
        self._spawn(self.pods.run(job))
        return web.json_response(_typed("jobs", job), status=201)

    async def delete_job(self, request: web.Request) -> web.Response:
        job = self._found("jobs", request)
        self._spawn(self._delete(job))
        return web.json_response(_typed("jobs", job))

    async def _delete(self, job: Object) -> None:
        for pod in self.objects.list("pods", f"job-name={job['metadata']['name']}"):
            await self.pods.leave(pod)
        await self.objects.remove("jobs", job)

    async def read(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        return web.json_response(_typed(kind, self._found(kind, request)))

    async def read_log(self, request: web.Request) -> web.Response:
        pod = self._found("pods", request)
        if request.query.get("previous"):
            raise web.HTTPBadRequest(text="no previous container")
        return web.Response(body=self.pods.log(pod).read_bytes())

    async def list_or_watch(self, request: web.Request) -> web.StreamResponse:
        kind, selector = request.match_info["kind"], request.query.get("labelSelector", "")
        name, version = KINDS[kind]
        if request.query.get("watch") not in ("true", "True", "1"):
            items = [_typed(kind, each) for each in self.objects.list(kind, selector)]
            meta = {"resourceVersion": str(self.objects.version)}
            return web.json_response({"kind": f"{name}List", "apiVersion": version, "metadata": meta, "items": items})
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        async for event in self.objects.watch(kind, selector, int(request.query.get("resourceVersion") or 0)):
            event["object"] = _typed(kind, event["object"])
            await response.write(json.dumps(event).encode() + b"\n")
        return response

    def _found(self, kind: str, request: web.Request) -> Object:
        found = self.objects.found.get((kind, request.match_info["name"]))
        if found is None:
            raise web.HTTPNotFound(text=json.dumps({"kind": "Status", "code": 404, "reason": "NotFound"}))
        return found

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application()
        for path, answer in _discovery().items():
            app.router.add_get(path, lambda _, answer=answer: _answer(answer))
        for prefix, kind in (("/api/v1", "pods"), ("/apis/batch/v1", "jobs")):
            base = f"{prefix}/namespaces/{NAMESPACE}/{{kind:{kind}}}"
            app.router.add_get(base, self.list_or_watch)
            app.router.add_get(f"{base}/{{name}}", self.read)
        app.router.add_get(f"/api/v1/namespaces/{NAMESPACE}/pods/{{name}}/log", self.read_log)
        app.router.add_post(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs", self.create_job)
        app.router.add_delete(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{{name}}", self.delete_job)
        app.router.add_post("/{rest:.*}/events", lambda _: _answer({"kind": "Event"}))
        return app


@contextmanager
def cluster(folder: Path, secrets: dict[tuple[str, str], str]) -> Iterator[Cluster]:
    """Serve on this machine until the block ends, and end all pods then."""
    made = Cluster(folder, secrets)
    folder.mkdir(parents=True, exist_ok=True)
    server = f"http://127.0.0.1:{made.port}"
    made.kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{"name": "test", "cluster": {"server": server}}],
                "users": [{"name": "test", "user": {"token": "of-this-test"}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": NAMESPACE}}],
            }
        )
    )
    runner = web.AppRunner(made.application(), shutdown_timeout=1)
    made.loop.run_until_complete(runner.setup())
    made.loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", made.port).start())
    thread = threading.Thread(target=made.loop.run_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        for pod in made.objects.list("pods"):
            made.pods.kill(pod)
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(runner.cleanup(), made.loop).result(30)
        made.loop.call_soon_threadsafe(made.loop.stop)
        thread.join()


async def _answer(content: Object) -> web.Response:
    return web.json_response(content)


def _typed(kind: str, content: Object) -> Object:
    name, version = KINDS[kind]
    return {"kind": name, "apiVersion": version, **content}


def _discovery() -> dict[str, Object]:
    def resource(name: str, kind: str, namespaced: bool = True) -> Object:
        return {"name": name, "singularName": kind.lower(), "namespaced": namespaced, "kind": kind, "verbs": VERBS}

    def resources(version: str, *each: Object) -> Object:
        return {"kind": "APIResourceList", "groupVersion": version, "resources": each}

    batch = {"groupVersion": "batch/v1", "version": "v1"}
    groups = [{"name": "batch", "versions": [batch], "preferredVersion": batch}]
    return {
        "/version": {"major": "1", "minor": "37", "gitVersion": "v1.37.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
        # Kopf waits for namespaces to be among the resources, though it is told which one to watch.
        "/api/v1": resources("v1", resource("pods", "Pod"), resource("namespaces", "Namespace", namespaced=False)),
        "/apis/batch/v1": resources("batch/v1", resource("jobs", "Job")),
    }
