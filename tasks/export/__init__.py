"""Export: a merged model as one quantized GGUF file with its Modelfile, held against the model it was made from.

`config`, `task` (Prefect), `write` (the steps). `file_gates` look at the file, `parity` asks llama.cpp and compares its
answers with those of `reference`, the model in transformers; `distributions` says how far two predictions are apart.
`modelfile` is what Ollama reads, `memory` what an export takes. Converter and engine are in `tasks.gguf`.
"""
