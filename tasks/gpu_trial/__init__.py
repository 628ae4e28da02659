"""The first hour on a GPU: what has never run on one, in the order of what it decides. It may import every stage.

trial: runs parts in processes of their own, with limits and a record each. schema: the record. page: the record as
HTML. parts: their order, limits, and what each decides. A part is a module with a function of its size and an empty
folder: environment, patches, lora_step, packing, embedding, premium, resume, merge. training: trainings without a
corpus. inside/ runs in the trainer's environment, which `ask` asks.
"""
