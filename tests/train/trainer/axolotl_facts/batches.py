"""What axolotl makes of rows: the loss of a step of unequal ones, and batches of packed ones."""

from itertools import chain
from typing import Any

import torch
from datasets import Dataset

from tasks.train.trainer.token_mean import mean_over_tokens
from tests.train.trainer.axolotl_facts.models import small_model, small_trainer


def losses(_: Any) -> dict[str, float]:
    """The loss axolotl logs of one step of unequal rows, with our hook and without, and both kinds of mean."""
    rows = [list(range(40)), [5, 9], [7, 7, 7]]
    model = small_model()
    with torch.no_grad():
        each = [float(model(input_ids=torch.tensor([r]), labels=torch.tensor([r])).loss) for r in rows]
    weights = [len(row) - 1 for row in rows]
    answer = {"mean of means": sum(each) / 3}
    answer["mean over tokens"] = sum(a * b for a, b in zip(each, weights, strict=True)) / sum(weights)
    for name, hook in (("axolotl", None), ("with our hook", mean_over_tokens)):
        trainer = small_trainer(
            Dataset.from_list([{"input_ids": row, "labels": row} for row in rows]),
            lambda rows: {key: torch.tensor([row[key] for row in rows]) for key in rows[0]},
            gradient_accumulation_steps=3,
            per_device_train_batch_size=1,
            curriculum_sampling=True,
        )
        if hook:
            hook(trainer)
        trainer.train()
        answer[name] = trainer.state.log_history[0]["loss"]
    return answer


def packed_batches(path: str) -> dict[str, Any]:
    """What a packed file gives through axolotl's sampler and collator, with the column of lengths and without."""
    from axolotl.monkeypatch.data.batch_dataset_fetcher import apply_multipack_dataloader_patch

    apply_multipack_dataloader_patch()
    rows = Dataset.from_file(path)
    return {
        "rows": {name: list(chain.from_iterable(rows[name])) for name in ("input_ids", "labels", "position_ids")},
        "with lengths": _through(rows),
        "without": _through(rows.remove_columns(["length"])),
    }


def _through(rows: Any) -> dict[str, Any]:
    from axolotl.utils.collators import BatchSamplerDataCollatorForSeq2Seq
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({"[PAD]": 0}, unk_token="[PAD]"))
    trainer = small_trainer(
        rows,
        BatchSamplerDataCollatorForSeq2Seq(PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]")),
        per_device_train_batch_size=2,
        max_seq_length=16,
        sample_packing=True,
        sample_packing_sequentially=True,
        sample_packing_bin_size=200,
        multipack_real_batches=False,
        curriculum_sampling=True,
        sample_packing_drop_attention_mask=True,
    )
    batches = list(trainer.get_train_dataloader())
    joined = {name: torch.cat([batch[name] for batch in batches], 1)[0].tolist() for name in batches[0]}
    return {"columns": joined, "shapes": [list(batch["input_ids"].shape) for batch in batches]}
