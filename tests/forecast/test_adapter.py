"""A model that forecasts with an adapter answers as the model into which PEFT itself folds it."""

from pathlib import Path

import numpy as np
import pytest
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tasks.forecast.config import ForecastConfig
from tasks.forecast.task import publish_forecast
from tasks.forecast.write import write_forecast
from tasks.forward.errors import UnusableAdapter
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.examples import Forecasts
from tasks.store.store import open_store
from tests.chat_fixtures import dense_base
from tests.forecast.mixes import write_mix, write_panel
from tests.model_fixtures import scratch_folder
from tests.serve.small_line import adapter_folder, publish, publish_base


def forecast(model: ModelFolder, adapter: Path | None = None) -> Forecasts:
    folder = scratch_folder("forecast")
    inputs = model, write_mix(folder / "mix"), write_panel(folder / "panel")
    write_forecast(ForecastConfig(), *inputs, folder, adapter)
    return Forecasts(folder)


def test_with_an_adapter_forecasts_are_those_of_the_model_it_is_folded_into() -> None:
    merged = scratch_folder("merged")
    base = AutoModelForCausalLM.from_pretrained(dense_base().path)
    PeftModel.from_pretrained(base, adapter_folder(1)).merge_and_unload().save_pretrained(merged)
    AutoTokenizer.from_pretrained(dense_base().path).save_pretrained(merged)
    adapted, folded = forecast(dense_base(), adapter_folder(1)).directions(), forecast(ModelFolder(merged)).directions()
    assert np.allclose(adapted, folded, atol=1e-4, equal_nan=True)
    assert np.nanmax(np.abs(adapted - forecast(dense_base()).directions())) > 0.01


def test_an_adapter_that_lacks_a_tensor_forecasts_nothing(tmp_path: Path) -> None:
    adapter = publish_copy(tmp_path)
    tensors = load_file(adapter / "adapter_model.safetensors")
    del tensors[min(tensors)]
    save_file(tensors, adapter / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UnusableAdapter, match="the adapter lacks 1 tensors"):
        forecast(dense_base(), adapter)


def publish_copy(folder: Path) -> Path:
    for file in adapter_folder(1).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_an_adapter_of_another_base_is_refused_and_another_adapter_is_another_artifact(tmp_path: Path) -> None:
    store = open_store()
    base = publish_base(store)
    other = publish(store, "base", 1, {"": adapter_folder(2)}, {})
    panel = publish(store, "panel", 0, {"": write_panel(tmp_path / "panel").path}, {})
    mix = publish(store, "mix", 0, {"": write_mix(tmp_path / "mix").path}, {"panel": panel})
    one, two = (publish(store, "train", seed, {"adapter": adapter_folder(seed)}, {"base": base}) for seed in (1, 2))
    foreign = publish(store, "train", 3, {"adapter": adapter_folder(1)}, {"base": other})
    with pytest.raises(UnusableAdapter, match=r"train/train/\w+ is an adapter of base/base/\w+, and not of base/base"):
        publish_forecast.fn(ForecastConfig(), base, mix, panel, foreign)
    found = [publish_forecast.fn(ForecastConfig(), base, mix, panel, adapter) for adapter in (one, two, None)]
    assert len({ref.digest for ref in found}) == 3
