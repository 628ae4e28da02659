"""The commands for vLLM name what is in production, whole and by a name of its own."""

import json
import shlex
from pathlib import Path

import pytest

from tasks.serve.errors import UnservableVersion
from tasks.serve.vllm import vllm_commands
from tasks.store.store import open_store
from tasks.versions import moves
from tests.serve.small_line import LINE, WHY, adapter_folder, add_version


def parts(script: str) -> tuple[list[str], list[str]]:
    """The two commands, as a shell splits them."""
    first, second = [shlex.split(line) for line in script.splitlines() if line and not line.startswith("#")]
    return first, second


def test_the_commands_name_the_version_in_production(own_state: Path) -> None:
    store = open_store()
    for number in (1, 2):
        add_version(store, number, adapter_folder(number))
    names = []
    for version in ("v1", "v2"):
        moves.promote(store, LINE, version, **WHY)
        start, load = parts(vllm_commands(store, LINE))
        module, call = json.loads(start[-1]), json.loads(load[-1])
        assert (call["lora_name"], call["lora_path"]) == (module["name"], module["path"])
        weights = Path(call["lora_path"]) / "adapter_model.safetensors"
        assert weights.read_bytes() == (adapter_folder(int(version[1:])) / weights.name).read_bytes()
        assert start[:3] == ["VLLM_ALLOW_RUNTIME_LORA_UPDATING=True", "vllm", "serve"]
        assert (Path(start[3]) / "config.json").exists()
        assert start[start.index("--max-lora-rank") + 1] == "8"
        names.append(module["name"])
    assert [name[:8] for name in names] == ["small-v1", "small-v2"]
    assert len({name.split("-")[-1] for name in names}) == 2


def test_a_rank_that_vllm_does_not_take_is_refused(own_state: Path) -> None:
    store = open_store()
    add_version(store, 1, adapter_folder(1, rank=513))
    moves.promote(store, LINE, "v1", **WHY)
    with pytest.raises(UnservableVersion, match="small v1 has rank 513, and vLLM takes 512 at most"):
        vllm_commands(store, LINE)
