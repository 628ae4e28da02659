"""One rule about settings, kept or broken."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One rule checked on a config.

    Args:
        name: What it is about.
        value: The config's value.
        bound: The values allowed.
        passed: Whether the value is one of them.
        fact: What happens otherwise, and how that is known.
        way_out: What to set instead.
    """

    name: str
    value: str
    bound: str
    passed: bool
    fact: str
    way_out: str

    @property
    def sentence(self) -> str:
        """All fields, for an error."""
        return f"{self.name}: {self.value}, bound: {self.bound}; {self.fact}. {self.way_out}."
