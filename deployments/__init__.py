"""What prefect.yaml cannot express: pools, automations, build steps, and a local server with its workers.

local: the command `up`, `down`, `follow`, `runs`. server: starts Prefect's server. address, access: where the server
listens and who may use it. processes: what was started here. registration: registers pools, prefect.yaml's deployments,
automations with their webhook. steps: build steps of prefect.yaml. secret_files: those of infra/compose.yaml. install,
other_environments: the three environments.
"""
