"""The embed stage: a state of a model's last layer for each sentence of a panel, in float32.

write: the artifact. architecture: causal or encoder, pooling, context. sentences: token ids of the distinct sentences.
hidden_states: states of batches. chrono_gpt: a model that transformers has not. repeat: numerical noise.
"""
