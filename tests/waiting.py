"""How long tests wait for what is not their subject: on a machine with other work everything takes its time."""

GENEROUS_SECONDS = 1_800
"""Half an hour. A limit that a test is about stands in that test."""
