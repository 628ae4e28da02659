"""What the pipeline's environment does for a training.

`train_arm` is the whole of it: check config and inputs (`rules`, `input_checks`), prepare the work directory (`rows`,
`packing`, `example_rows`, `axolotl_yaml`), `launch` the trainer and `monitor` it, publish training states (`uploader`,
`state_store`), take over the `outputs` and collect `facts`. `boundary` finds what each step has read, and
`boundary_statement` says it of a checkpoint.
"""
