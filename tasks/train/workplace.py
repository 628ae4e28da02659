"""Names of what lies in the folder the trainer runs in.

Both environments read this, so it imports nothing. The trainer's working directory is this folder and its YAML names
files relative to it: the YAML that goes into the artifact tells of no machine.
"""

BASE = "base"
"""Link to the base model."""
BLOCKS = "blocks.arrow"
"""Training blocks as an Arrow stream: input_ids, attention_mask, labels."""
YAML = "axolotl.yaml"
METRICS = "metrics.jsonl"
"""One JSON object per optimizer step."""
VERSIONS = "versions.json"
"""Versions of the trainer's packages."""
OUTPUT = "output"
"""Where axolotl saves the adapter."""
LOG = "trainer.log"
PLUGIN = "tasks.train.plugin.HindsightPlugin"
PLAIN_KERNELS = "HINDSIGHT_PLAIN_KERNELS"
"""Environment variable: `1` keeps Triton kernels out of the trainer."""
