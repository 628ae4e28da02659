"""Reads questions, prints answers."""

import json
import sys

import torch

from tests.train.trainer.axolotl_facts.batches import losses, packed_batches
from tests.train.trainer.axolotl_facts.eight_bit import eight_bit_moments
from tests.train.trainer.axolotl_facts.saving import in_job_merges
from tests.train.trainer.axolotl_facts.schema import schema
from tests.train.trainer.axolotl_facts.weights import (
    checkpointed_passes,
    gradients_synced,
    kept_master_weights,
    rounded_steps,
)

OF_ROWS = (losses, packed_batches)
OF_WEIGHTS = (checkpointed_passes, gradients_synced, kept_master_weights, rounded_steps)
FACTS = {function.__name__: function for function in (*OF_ROWS, *OF_WEIGHTS, eight_bit_moments, in_job_merges, schema)}

if __name__ == "__main__":
    # At these sizes threads only wait for one another.
    torch.set_num_threads(1)
    questions = json.load(sys.stdin)
    print("ANSWERS" + json.dumps({name: FACTS[name](question) for name, question in questions.items()}))
