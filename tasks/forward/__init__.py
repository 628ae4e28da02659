"""Forward passes of a model folder, for the stages that read states or probabilities from one.

`load`: a model with all of its weights. `batches`: texts of similar length together, computed side by side. `causal`: a
language model with its tokenizer. `questions`: prompts and answers as token ids, as the model's chat template renders
them. `answers`: log probabilities of the answers. `adapters`: what is checked of an adapter before it is loaded.
"""
