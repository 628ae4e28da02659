"""A run as a folder that verifies with nothing but itself, for a committee without the project, the store or a network.

write: writes it. verify: the verifier, which imports the standard library alone; the folder holds a copy of this file,
so that the command `hindsight verify` and `python verify.py` are one implementation.
"""
