"""`python -m deployments.kubernetes FILE [POOL]`: registers a cluster's pools, or prints a template as JSON."""

import json
import sys
from pathlib import Path

from deployments.kubernetes.site import load_site
from deployments.kubernetes.template import work_pool
from deployments.pools import register
from tasks.common.errors import HindsightError


def main(arguments: list[str]) -> None:
    """Register every pool of a cluster's file; with a pool's name print its base job template instead.

    Args:
        arguments: The file, and perhaps a pool.
    """
    site = load_site(Path(arguments[0]))
    if len(arguments) > 1:
        print(json.dumps(work_pool(arguments[1], site)["base_job_template"], indent=2))
    else:
        print(f"pools: {', '.join(register(work_pool(name, site)) for name in site.pools)}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("python -m deployments.kubernetes infra/kubernetes/pools.yaml [cpu | h100 | h100x8]")
    try:
        main(sys.argv[1:])
    except HindsightError as error:
        sys.exit(f"hindsight: {error}")
