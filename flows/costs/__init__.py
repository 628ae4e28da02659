"""What a run costs.

outlook: the arithmetic of spent and expected dollars. budget: the gate before each step. question: asking a person.
spend: gathers what a run has used. spend_table: shows it.
"""
