"""Work pools on a Kubernetes cluster: `python -m deployments.kubernetes infra/kubernetes/pools.yaml`.

site: what a cluster's file may say. template: the base job template of a pool. __main__: registers the pools, or prints
one.
"""
