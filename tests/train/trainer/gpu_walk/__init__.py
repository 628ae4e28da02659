"""A GPU recipe's YAML through axolotl's own config, plugins, PatchManager and ModelLoader, on a CPU.

`python -m tests.train.trainer.gpu_walk`, in a work directory, prints as JSON where each class's forward pass comes
from once the model is loaded. Stubbed are the device (`device.py`) and the fork of cut-cross-entropy (`fork/`),
nothing else: no kernel is run.
"""
