"""A base in memory with one active adapter. Only one thread may use it at a time.

A new adapter is loaded beside the active one, under its own name, and compared with its file; then it is made active
and the earlier one is removed. Until then nothing of it can reach an answer, and going back is one assignment.
"""

import hashlib
import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.forward.adapters import Adapter, different_tensors, read_adapter, with_adapter
from tasks.forward.load import check_whole, device_type, load_weights
from tasks.serve.engine import LoadedVersion
from tasks.serve.errors import WrongAnswers

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)

FINGERPRINT_TEXTS = ("The exchange rate rises when", "2024-01-31", "Answer with up or down:")
"""Texts whose logits identify what the model computes."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen.

    Args:
        max_new_tokens: At most so many.
        temperature: 0 for the most likely token.
        top_p: Sample among the most likely tokens that have this probability together.
        seed: Of the sampled tokens; None for a new one.
    """

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


@dataclass
class ServedModel:
    """The model, its tokenizer, and the version that is active.

    Args:
        model: Base with adapters, by PEFT.
        tokenizer: The base's.
        version: The one that answers.
        base_fingerprint: Of the base without any adapter.
        fingerprints: By the adapter's digest, of all versions that were active here.
    """

    model: "PeftModel"
    tokenizer: "PreTrainedTokenizerBase"
    version: LoadedVersion
    base_fingerprint: str
    fingerprints: dict[str, str] = field(default_factory=dict)

    def generate(self, prompt: list[int], sampling: Sampling, emit: Callable[[int], bool]) -> None:
        """Generate token by token.

        Args:
            prompt: Token ids.
            sampling: How tokens are chosen.
            emit: Gets each new token; returns whether to go on.
        """
        import torch

        ids = torch.tensor([prompt], device=self.model.device)
        is_sampled = sampling.temperature > 0
        with torch.inference_mode(), _seeded(sampling.seed):
            self.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=sampling.max_new_tokens,
                do_sample=is_sampled,
                temperature=sampling.temperature if is_sampled else None,
                top_p=sampling.top_p if is_sampled else None,
                top_k=None,
                pad_token_id=self.end_tokens[0] if self.end_tokens else 0,
                stopping_criteria=[_Emitter(emit, len(prompt))],
            )

    @property
    def end_tokens(self) -> list[int]:
        """Tokens that end an answer."""
        found = self.model.generation_config.eos_token_id
        found = found if isinstance(found, list) else [found]
        return [*dict.fromkeys(token for token in (*found, self.tokenizer.eos_token_id) if token is not None)]

    @property
    def context(self) -> int:
        """Most tokens of prompt and answer together."""
        own = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return int(own or self.tokenizer.model_max_length)

    def read(self, name: str, folder: Path) -> Adapter:
        """Read an adapter and compare it with what fits this base; changes nothing, and any thread may do it.

        Raises:
            UnusableAdapter: If the adapter does not fit.
        """
        return read_adapter(folder, self.model.get_base_model(), name)

    def exchange(self, name: str, digest: str, adapter: Adapter) -> Generator[None, None, LoadedVersion]:
        """Make another adapter active, in short steps between which the earlier one may answer.

        Args:
            name: The version's.
            digest: Of the adapter's artifact.
            adapter: Its config and tensors.

        Returns:
            The version, now active.

        Raises:
            WrongAnswers: If the loaded adapter differs from its file, or the model from what it computed before; the
                earlier adapter is active again.
        """
        (config, tensors), before, slot = adapter, self.model.active_adapter, f"{name}-{digest[:12]}"
        if slot == before:
            return self.version
        try:
            self._add(slot, config, tensors)
            yield
            self._check_loaded(name, slot, tensors)
            yield
            found = LoadedVersion(name, digest, (yield from self._fingerprint(slot)))
            self._check_fingerprints(found, (yield from self._fingerprint(None)))
        except BaseException:
            self.model.set_adapter(before)
            if slot in self.model.peft_config:
                self.model.delete_adapter(slot)
            raise
        self.model.set_adapter(slot)
        self.fingerprints[digest], self.version = found.fingerprint, found
        self.model.delete_adapter(before)
        return found

    def _fingerprint(self, slot: str | None) -> Generator[None, None, str]:
        """The fingerprint of an adapter, None for the base, a text per step; between them the earlier one is active."""
        found, before = hashlib.sha256(), self.model.active_adapter
        for text in FINGERPRINT_TEXTS:
            with nullcontext() if slot else self.model.disable_adapter():
                try:
                    self.model.set_adapter(slot or before)
                    found.update(logits_bytes(self.model, self.tokenizer, text))
                finally:
                    self.model.set_adapter(before)
            yield
        return found.hexdigest()

    def _add(self, slot: str, config: Any, tensors: dict[str, "torch.Tensor"]) -> None:
        from peft import set_peft_model_state_dict

        config.inference_mode = True
        self.model.add_adapter(slot, config, low_cpu_mem_usage=True)
        set_peft_model_state_dict(self.model, tensors, adapter_name=slot, low_cpu_mem_usage=True)
        self.model.eval().to(self.model.device)

    def _check_loaded(self, name: str, slot: str, tensors: dict[str, "torch.Tensor"]) -> None:
        """Compare what PEFT would save of the loaded adapter with the file."""
        if different := different_tensors(self.model, slot, tensors):
            raise WrongAnswers(
                f"{name}: {len(different)} tensors of the loaded adapter differ from its file, {different[0]} first; "
                f"the earlier version {self.version.name} answers again."
            )

    def _check_fingerprints(self, found: LoadedVersion, of_base: str) -> None:
        known = self.fingerprints.get(found.digest, found.fingerprint)
        if found.fingerprint != known:
            raise WrongAnswers(
                f"{found.name} computes other logits than when it was active before ({found.fingerprint[:12]}, then "
                f"{known[:12]}); {self.version.name} answers again. Restart the server."
            )
        if of_base != self.base_fingerprint:
            raise WrongAnswers(
                f"the base computes other logits than at the start ({of_base[:12]}, then "
                f"{self.base_fingerprint[:12]}); {self.version.name} answers again. Restart the server."
            )


def load_served(base: Path, name: str, digest: str, adapter: Path) -> ServedModel:
    """Load a base with a version's adapter: in fp32 on a CPU, in its own number format on a GPU.

    Raises:
        UnusableModel: If transformers does not load the base, or its files lack weights.
        UnusableAdapter: If the adapter does not fit it.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = device_type()
    tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False)
    model, missing = load_weights(AutoModelForCausalLM, base, precision="fp32" if device == "cpu" else None)
    check_whole(model, model, missing)
    model = model.eval().to(device)
    wrapped = with_adapter(model, adapter, name, f"{name}-{digest[:12]}")
    with wrapped.disable_adapter():
        of_base = fingerprint(wrapped, tokenizer)
    version = LoadedVersion(name, digest, fingerprint(wrapped, tokenizer))
    return ServedModel(wrapped, tokenizer, version, of_base, {digest: version.fingerprint})


def fingerprint(model: Any, tokenizer: "PreTrainedTokenizerBase") -> str:
    """sha256 of the last position's logits on each fingerprint text, as float32."""
    found = hashlib.sha256()
    for text in FINGERPRINT_TEXTS:
        found.update(logits_bytes(model, tokenizer, text))
    return found.hexdigest()


def logits_bytes(model: Any, tokenizer: "PreTrainedTokenizerBase", text: str) -> bytes:
    """The last position's logits after a text, as float32."""
    import torch

    with torch.inference_mode():
        ids = torch.tensor([tokenizer(text)["input_ids"]], device=model.device)
        found: bytes = model(input_ids=ids, use_cache=False).logits[0, -1].float().cpu().numpy().tobytes()
    return found


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Sampled tokens from a generator of their own, so that a request's seed decides them."""
    import torch

    with torch.random.fork_rng():
        if seed is not None:
            torch.manual_seed(seed)
        else:
            torch.seed()
        yield


class _Emitter:
    """A stopping criterion of transformers that hands each new token on, and stops when told to."""

    def __init__(self, emit: Callable[[int], bool], n_prompt: int) -> None:
        self.emit, self.n_seen = emit, n_prompt

    def __call__(self, input_ids: "torch.Tensor", scores: Any, **kwargs: Any) -> "torch.Tensor":
        import torch

        goes_on = True
        for token in input_ids[0, self.n_seen :].tolist():
            goes_on = self.emit(token)
        self.n_seen = input_ids.shape[1]
        return torch.tensor([not goes_on], device=input_ids.device)
