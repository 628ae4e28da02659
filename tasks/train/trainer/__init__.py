"""What runs in the trainer's environment, in the work directory that the pipeline prepares.

`__main__` starts axolotl, which loads `plugin`: it supplies the rows (`settings`, `work_files`), the mean over tokens
(`token_mean`), `master_weights` and `stochastic_rounding`; for preference pairs `preference_trainer` and `preference`.
`callbacks` write metrics, the `update_audit` and training states (`state_files`, `adapter_state`, `sharded_state`,
`rng`); `strict_trainer` loads a state exactly; `replicas` compares the adapters of several ranks. `run_checks` and
`whole_base` end a wrong run before its first step; `cpu_fsdp` makes ranks run without a GPU. `failure` and
`tasks.common.lifeline` serve any trainer process. Nothing here imports Prefect, pydantic or the pipeline's configs; the
pipeline may import from here.
"""
