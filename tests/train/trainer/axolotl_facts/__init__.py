"""What axolotl really does, asked of axolotl itself, in the trainer's environment and without a GPU.

`python -m tests.train.trainer.axolotl_facts < questions.json` prints answers as JSON. What needs a GPU is in tests/gpu.
"""

import sys

# Its Triton kernels fail without a GPU; where it cannot be imported, PyTorch's own operations are taken.
sys.modules["fla"] = None  # type: ignore[assignment]
