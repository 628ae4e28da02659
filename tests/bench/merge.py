"""Speed and memory of converting a sharded checkpoint to safetensors: ours, torch's, accelerate's and axolotl's.

`python -m tests.bench.merge [--pairs 7] [--mb 3000]` saves a checkpoint with two ranks and converts it with each method
in a process of its own. Ours and `cp --reflink=never` with `sync` are timed in pairs, in alternating order, the source
in the page cache; ours hashes every byte and syncs every file. Times exclude the start of Python, memory its imports.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from tasks.common.settings import project_root, state_dir

SHARDED = "pytorch_model_fsdp_0"
MB = 1_000_000
LAYER = {
    "mlp.experts.gate_up_proj": (64, 513, 1024),
    "mlp.experts.down_proj": (63, 1024, 256),
    "self_attn.q_proj.weight": (4095, 1024),
    "norm.weight": (1023,),
}
"""Shapes like those of Qwen3.5; the first dimension is not always even."""
MEASURE = """
import json, os, sys, time
def status(field):
    line = next(line for line in open("/proc/self/status") if line.startswith(field))
    return int(line.split()[1]) * 1024
def read():
    return int(next(line for line in open("/proc/self/io") if line.startswith("rchar")).split()[1])
source, target = sys.argv[1:3]
{imports}
imported, before, started = status("VmRSS"), read(), time.perf_counter()
{work}
os.sync()
seconds = time.perf_counter() - started
print(json.dumps({{"seconds": seconds, "import_mb": imported / 1e6, "peak_mb": status("VmHWM") / 1e6,
                   "n_read": read() - before}}))
"""
METHODS = {
    "ours": (
        """
from pathlib import Path
from tasks.checkpoints.dcp import read_metadata
from tasks.merge.shards import plan_shards, write_shards
from tasks.merge.stored_tensors import find_sharded
from tasks.merge.stream import CopiedTensor
""",
        """
sources = find_sharded(read_metadata(Path(source)))
outputs = [CopiedTensor(name, found.dtype, found) for name, found in sources.items()]
write_shards(plan_shards(outputs, 5 * 10**8), "", Path(target))
""",
    ),
    "torch": (
        "from torch.distributed.checkpoint.format_utils import dcp_to_torch_save",
        "dcp_to_torch_save(source, target + '.pt')",
    ),
    "accelerate": (
        "from accelerate.utils import merge_fsdp_weights",
        "merge_fsdp_weights(source, target, safe_serialization=True)",
    ),
    "axolotl": (
        "from axolotl.cli.merge_sharded_fsdp_weights import merge_fsdp_weights",
        "merge_fsdp_weights(source, target)",
    ),
}
Run = dict[str, float]


def shapes(n_bytes: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of tensors with about `n_bytes` in fp32."""
    import math

    per_layer = 4 * sum(math.prod(shape) for shape in LAYER.values())
    n_layers = max(1, n_bytes // per_layer)
    return {f"model.layers.{i}.{name}": shape for i in range(n_layers) for name, shape in LAYER.items()}


def save_rank(target: Path, n_bytes: int, rank: int) -> None:
    """Save the checkpoint as one of two ranks: random tensors, sharded as by FSDP2."""
    import torch
    import torch.distributed as dist
    import torch.distributed.checkpoint as dcp
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Shard

    dist.init_process_group("gloo", init_method=f"file://{target}/rendezvous", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    state = {}
    for name, shape in shapes(n_bytes).items():
        half = -(-shape[0] // 2)
        n_rows = half if rank == 0 else shape[0] - half
        local = torch.randint(2**30, 2**30 + 2**23, (n_rows, *shape[1:]), dtype=torch.int32).view(torch.float32)
        whole, stride = torch.Size(shape), torch.empty(shape, device="meta").stride()
        state[name] = DTensor.from_local(local, mesh, [Shard(0)], run_check=False, shape=whole, stride=stride)
    dcp.save(state, checkpoint_id=target / SHARDED)
    dist.destroy_process_group()


def make_checkpoint(target: Path, n_bytes: int) -> None:
    """Run both ranks."""
    target.mkdir()
    command = [sys.executable, "-m", "tests.bench.merge", "--save", str(target), "--mb", str(n_bytes // MB), "--rank"]
    ranks = [subprocess.Popen([*command, str(rank)], cwd=project_root()) for rank in range(2)]
    codes = [rank.wait() for rank in ranks]
    if any(codes):
        raise SystemExit("the checkpoint was not saved.")


def python_of(method: str) -> str:
    """The pipeline's Python, or the trainer's, which has axolotl and the accelerate version it pins."""
    return str(project_root() / ".venv-trainer/bin/python") if method in ("accelerate", "axolotl") else sys.executable


def merge_by(method: str, source: Path, scratch: Path) -> Run:
    """Run a method once in a process of its own; its output is deleted."""
    imports, work = METHODS[method]
    target = scratch / "merged"
    target.mkdir()
    os.sync()
    environment = os.environ | {"AXOLOTL_DO_NOT_TRACK": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    script = MEASURE.format(imports=imports, work=work)
    done = subprocess.run(
        [python_of(method), "-c", script, str(source), str(target)],
        cwd=project_root(),
        env=environment,
        capture_output=True,
        text=True,
    )
    shutil.rmtree(target)
    Path(f"{target}.pt").unlink(missing_ok=True)
    if done.returncode:
        raise SystemExit(f"{method} failed: {done.stderr[-1500:]}")
    found: Run = json.loads(done.stdout.splitlines()[-1])
    return found


def copy(source: Path, scratch: Path) -> float:
    """Seconds of `cp --reflink=never` and `sync`."""
    os.sync()
    started = time.perf_counter()
    subprocess.run(["cp", "--reflink=never", "-r", str(source), str(scratch / "copied")], check=True)
    subprocess.run(["sync"], check=True)
    seconds = time.perf_counter() - started
    shutil.rmtree(scratch / "copied")
    return seconds


def one_pair(source: Path, scratch: Path, is_cp_first: bool) -> tuple[Run, float]:
    """Ours and cp, in either order."""
    if is_cp_first:
        seconds = copy(source, scratch)
        return merge_by("ours", source, scratch), seconds
    return merge_by("ours", source, scratch), copy(source, scratch)


def summary(pairs: list[tuple[Run, float]], others: dict[str, Run], n_bytes: int) -> dict[str, object]:
    """The content of `merge.json`."""
    speeds = sorted(seconds / ours["seconds"] for ours, seconds in pairs)
    methods = {"ours": pairs[-1][0]} | others
    return {
        "speed_vs_cp": round(statistics.median(speeds), 3),
        "speed_vs_cp_spread": [round(speeds[0], 3), round(speeds[-1], 3)],
        "peak_rss_over_import_mb": round(max(ours["peak_mb"] - ours["import_mb"] for ours, _ in pairs), 1),
        "largest_tensor_mb": round(4 * 64 * 513 * 1024 / MB, 1),
        "bytes_read_ratio": round(max(ours["n_read"] for ours, _ in pairs) / n_bytes, 4),
        "ways": {
            method: {"seconds": round(run["seconds"], 1), "peak_rss_mb": round(run["peak_mb"])}
            for method, run in methods.items()
        },
        "ours_seconds": round(statistics.median(ours["seconds"] for ours, _ in pairs), 2),
        "cp_seconds": round(statistics.median(seconds for _, seconds in pairs), 2),
        "n_pairs": len(pairs),
        "n_bytes": n_bytes,
        "versions": {name: version(name) for name in ("torch", "numpy")},
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }


def main() -> None:
    """Measure, print the figures and save them in `.hindsight/bench/merge.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.merge", description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="pairs of ours and cp")
    parser.add_argument("--mb", type=int, default=3000, help="megabytes of the checkpoint")
    parser.add_argument(
        "--others", nargs="*", default=["torch", "accelerate", "axolotl"], help="other methods, run once"
    )
    parser.add_argument("--save", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rank", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.save:
        return save_rank(asked.save, asked.mb * MB, asked.rank)
    with tempfile.TemporaryDirectory(dir=state_dir().parent) as folder:
        scratch = Path(folder)
        make_checkpoint(scratch / "checkpoint", asked.mb * MB)
        source = scratch / "checkpoint" / SHARDED
        n_bytes = sum(file.stat().st_size for file in source.iterdir())
        merge_by("ours", source, scratch)  # Brings the source into the page cache.
        pairs = []
        for number in range(asked.pairs):
            pairs.append(one_pair(source, scratch, is_cp_first=number % 2 == 1))
            print(json.dumps({"ours": pairs[-1][0], "cp": pairs[-1][1]}), flush=True)
        others = {method: merge_by(method, source, scratch) for method in asked.others}
    figures = summary(pairs, others, n_bytes)
    file = state_dir() / "bench" / "merge.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))
    print(f"saved in {file}")
    return None


if __name__ == "__main__":
    main()
