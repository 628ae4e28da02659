"""Where machines are rented.

`provider`: what all have in common: offers, start, status, stop. `command_line`: runs a provider's own program.
`skypilot`, `vessl`: by `sky` and `vesslctl`. `local`: process trees of this machine, for tests. `choose`: by name.
"""
