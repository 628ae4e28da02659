"""The command line `hindsight`.

main: the application, its errors and exit status. runs: run, plan, follow, runs. server: demo, up, down,
install-trainer. store, attest: their subcommands. prices: stage-prices. output: tables in the terminal.
"""
