"""The embed stage: hidden states of a panel's sentences at their last token, in float32.

write: tokenizes the sentences and writes the artifact. hidden_states: batches and the model's forward passes.
"""
