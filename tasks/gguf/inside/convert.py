"""Run llama.cpp's converter on a folder of safetensors."""

import sys
from pathlib import Path

from tasks.gguf.inside.llama_cpp import model_class, use_converter


def main(model: str, file: str, quantization: str, name: str) -> None:
    """Write a GGUF file.

    Args:
        model: Folder with config, tokenizer and safetensors.
        file: To write.
        quantization: `f16` or `q8_0`; of weights with two dimensions or more, except norms.
        name: Of the model, in the file's metadata.
    """
    use_converter()
    import convert_hf_to_gguf

    options = ["--no-nextn"] if model_class(Path(model)).no_mtp else []
    sys.argv = ["convert", model, "--outfile", file, "--outtype", quantization, "--model-name", name, *options]
    convert_hf_to_gguf.main()
