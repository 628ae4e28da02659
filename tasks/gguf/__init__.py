"""GGUF files: made by llama.cpp's converter, compared with their source, and run by llama.cpp itself.

`environment` starts the scripts of `inside` in the environment of the export. `convert`: safetensors to GGUF, and every
value compared. `source`: the files of a model that the converter sees. `header`: what a file says of itself. `engine`:
a llama.cpp server for one file, and its client.
"""
