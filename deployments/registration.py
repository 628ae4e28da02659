"""Registers pools, deployments and automations with a server: `python -m deployments.registration [--make-bucket]`.

It takes the environment of a client: PREFECT_API_URL, HINDSIGHT_ROOT and the store's, which it probes first.
"""

import os
import subprocess
import sys

from tasks.common.errors import HindsightError
from tasks.common.settings import project_root
from tasks.store.connect import open_objects, store_url
from tasks.store.errors import StoreUnreachable
from tasks.store.store import open_store

STEPS = (
    ("-m", "deployments.pools"),
    ("-m", "prefect", "--no-prompt", "deploy", "--all"),
    ("-m", "deployments.automations"),
)


def register(environment: dict[str, str]) -> None:
    """Run each step in a process of its own, because Prefect reads its settings when it is imported.

    Args:
        environment: Of a client of the server.

    Raises:
        HindsightError: If a step fails.
    """
    for step in STEPS:
        done = subprocess.run(
            [sys.executable, *step], cwd=project_root(), env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise HindsightError(f"`python {' '.join(step)}` failed: {(done.stdout + done.stderr).strip()[-1500:]}")
        # Prefect prints a table per deployment.
        if "prefect" not in step:
            print(done.stdout.strip(), flush=True)


def make_bucket() -> None:
    """Make the bucket of HINDSIGHT_STORE if its server has none of that name, as a new server of one's own.

    Raises:
        StoreUnreachable: If the server does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from tasks.store.s3_objects import S3Objects

    objects = open_objects(store_url())
    if not isinstance(objects, S3Objects):
        return
    try:
        objects.client.head_bucket(Bucket=objects.bucket)
    except ClientError as error:
        # What else it may be, the probe says in words: an answer to HEAD has none.
        if error.response["Error"]["Code"] == "404":
            objects.client.create_bucket(Bucket=objects.bucket)
    except BotoCoreError as error:
        raise StoreUnreachable(
            f"bucket {objects.bucket} of {objects.url}: no answer ({type(error).__name__}); is the S3 server up, and "
            "is HINDSIGHT_S3_ENDPOINT its address?"
        ) from error


def check_access() -> None:
    """Raise NoServer if no server answers, or if it does not accept this client."""
    # Prefect reads the environment when it is imported; `deployments.local` imports this module and then sets it.
    from prefect.client.orchestration import get_client

    from flows.server.flow_runs import server_required

    with server_required(), get_client(sync_client=True) as client:
        client.api_version()


def main() -> int:
    """Check that server and store can be used, with `--make-bucket` after making the store's bucket, and register."""
    try:
        check_access()
        if "--make-bucket" in sys.argv[1:]:
            make_bucket()
        open_store().probe()
        register(dict(os.environ))
    except HindsightError as error:
        print(f"hindsight: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
