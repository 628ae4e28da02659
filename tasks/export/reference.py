"""The model as transformers runs it: what the GGUF file is held against."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class Reference:
    """A model and its tokenizer, in fp32 with one thread of torch.

    Args:
        folder: As transformers saves it; no code of it is run.
    """

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        self._folder = folder
        self._model: Any = None

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """A conversation by the chat template, up to where the assistant answers."""
        text: str = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        return text

    def tokenize(self, text: str) -> list[int]:
        """Token ids; special tokens are recognized, none is added."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """(n_tokens, n_vocabulary) logits of the token that follows each."""
        if self._model is None:
            read = AutoModelForCausalLM.from_pretrained(
                self._folder, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
            )
            self._model = read.eval()
        n_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                found: np.ndarray = self._model(torch.tensor([list(ids)])).logits[0].float().numpy()
        finally:
            torch.set_num_threads(n_threads)
        return found

    def log_probabilities(self, ids: Sequence[int]) -> np.ndarray:
        """(n_tokens, n_vocabulary) log-probabilities of the token that follows each."""
        return torch.log_softmax(torch.from_numpy(self.logits(ids)), dim=-1).numpy()
