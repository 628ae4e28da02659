"""Commands for a vLLM server of the version in production, from its records. Not run here: vLLM needs a GPU.

Source: vLLM, docs/features/lora.md, "Dynamically serving LoRA adapters"; its issue 42125.
"""

import json
import shlex
from pathlib import Path

from tasks.serve.errors import UnservableVersion
from tasks.serve.production import in_production
from tasks.serve.transformers_engine import adapter_and_base, adapter_folder
from tasks.store.store import Store

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Values of vLLM's --max-lora-rank."""
ADDRESS = "http://127.0.0.1:8000"


def vllm_commands(store: Store, line: str) -> str:
    """Fetch base and adapter of the version in production, and name the commands that serve them.

    Args:
        store: Holds them.
        line: The line.

    Returns:
        A shell script: the server's start, and the call that loads a later version's adapter into a running one.

    Raises:
        UnservableVersion: If no version is in production, it has no adapter, or vLLM takes none of its rank.
    """
    version = in_production(store, line)
    artifacts, folder = adapter_and_base(line, version), adapter_folder(store, line, version)
    base, rank = store.fetch(artifacts["base"]), _rank(line, version.name, folder)
    # A name of its own for each version: blocks of the prefix cache are found by the adapter's name.
    name = f"{line}-{version.name}-{artifacts['adapter'].digest[:12]}"
    module = json.dumps({"name": name, "path": str(folder), "base_model_name": f"{line}-base"})
    call = json.dumps({"lora_name": name, "lora_path": str(folder)})
    return "\n".join(
        (
            "# hindsight has not run these commands: vLLM needs a GPU.",
            f"VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve {shlex.quote(str(base))} --host 127.0.0.1 "
            f"--served-model-name {shlex.quote(line)}-base --enable-lora --max-loras 2 --max-lora-rank {rank} "
            f"--lora-modules {shlex.quote(module)}",
            f"# Into a server that runs; requests then name the model {name}.",
            f'curl {ADDRESS}/v1/load_lora_adapter -H "authorization: Bearer $VLLM_API_KEY" '
            f"-H 'content-type: application/json' -d {shlex.quote(call)}",
            "",
        )
    )


def _rank(line: str, name: str, folder: Path) -> int:
    rank = int(json.loads((folder / "adapter_config.json").read_text())["r"])
    if (found := next((each for each in RANKS if each >= rank), None)) is None:
        raise UnservableVersion(f"{line} {name} has rank {rank}, and vLLM takes {RANKS[-1]} at most; serve it merged.")
    return found
