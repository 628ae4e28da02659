"""What a run costs.

outlook: the arithmetic of spent and expected dollars. budget: the gate before each step.
question: pauses a run and asks a person whether it may spend more.
spend: gathers what a run has used. spend_table: shows it.
"""
