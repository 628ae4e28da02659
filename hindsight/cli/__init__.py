"""The command line `hindsight`.

main: the application, its errors and exit status. runs: run, plan, follow, runs. server: demo, up, down,
install-trainer, install-export. store, attest: their subcommands. prices: stage-prices. output: tables in the terminal.
"""

from hindsight.own_packages import check_own_packages

# `python -m hindsight` finds the working directory's packages first.
check_own_packages()
