"""Releases an exported model: verified from the store by another client, then receipted.

`config`: gates of its own. `other_client`: fetches an artifact by fsspec alone, and hashes every byte. `gates`: the
conditions. `verify`: the steps up to the receipt. While there is no receipt and no artifact, nothing is released.
"""
