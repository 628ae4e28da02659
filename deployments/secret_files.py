"""Writes the secrets of infra/compose.yaml: `python -m deployments.secret_files FOLDER`, with nothing but Python.

Four values are drawn once and kept, a file each: delete one and run this again to change it. The other files are
written anew from them, each for the program that reads it: settings profiles of Prefect's server and of its clients,
the keys of the S3 server and of its clients, and a configuration of Redis.
"""

import json
import secrets
import sys
from pathlib import Path

USER = "hindsight"
BUCKET = "hindsight"
DRAWN = ("api-password", "postgres-password", "redis-password", "s3-secret-key")
REDIS_DATABASE_OF_SERVICES = 1
"""Docket's, beside the events' in database 0."""


def write_secrets(folder: Path) -> dict[str, Path]:
    """Write every file, drawing the values that do not exist.

    Containers run as accounts that own no file of this machine, and a secret of a file is mounted with its rights: only
    the folder keeps others out.

    Args:
        folder: Created if it does not exist; others of this machine get no right to enter it.

    Returns:
        The files by name.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    values = {name: _drawn(folder / name) for name in DRAWN}
    files = values | derived_files(values)
    for name, content in files.items():
        path = folder / name
        path.write_text(content)
        path.chmod(0o644)
    return {name: folder / name for name in files}


def derived_files(values: dict[str, str]) -> dict[str, str]:
    """The content of each file that is made from the drawn values."""
    auth = f"{USER}:{values['api-password']}"
    redis = values["redis-password"]
    server = {
        "PREFECT_SERVER_API_AUTH_STRING": auth,
        # Automations act on runs through the server's own API.
        "PREFECT_API_AUTH_STRING": auth,
        "PREFECT_SERVER_DATABASE_PASSWORD": values["postgres-password"],
    }
    redis_urls = {
        "PREFECT_REDIS_MESSAGING_URL": f"redis://:{redis}@redis:6379/0",
        "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL": f"redis://:{redis}@redis:6379/0",
        "PREFECT_SERVER_DOCKET_URL": f"redis://:{redis}@redis:6379/{REDIS_DATABASE_OF_SERVICES}",
    }
    keys = {"accessKey": USER, "secretKey": values["s3-secret-key"]}
    # It may make and use this bucket, and no other.
    identity = {"name": USER, "credentials": [keys], "actions": [f"Admin:{BUCKET}"]}
    return {
        "server.toml": _profile(server),
        "server-replicas.toml": _profile(server | redis_urls),
        "client.toml": _profile({"PREFECT_API_AUTH_STRING": auth}),
        "s3.json": json.dumps({"identities": [identity]}, indent=1) + "\n",
        "aws-credentials": f"[default]\naws_access_key_id = {USER}\naws_secret_access_key = {keys['secretKey']}\n",
        "redis.conf": f"requirepass {redis}\n",
    }


def _drawn(file: Path) -> str:
    # Letters and digits: each value also stands in a URL, in TOML and in Redis's configuration.
    return file.read_text().strip() if file.exists() else secrets.token_hex(24)


def _profile(settings: dict[str, str]) -> str:
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    return f'active = "hindsight"\n\n[profiles.hindsight]\n{lines}'


if __name__ == "__main__":
    for written in write_secrets(Path(sys.argv[1])).values():
        print(written)
