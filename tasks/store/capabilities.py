"""What a store's server enforces, found by trying; nothing else is relied upon."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Capabilities:
    """What was found.

    Args:
        conditional_writes: A second writer with `If-None-Match: *` is refused.
        checks_sha256: A body that differs from its `x-amz-checksum-sha256` is refused.
        checks_md5: A body that differs from its `Content-MD5` is refused.
    """

    conditional_writes: bool
    checks_sha256: bool
    checks_md5: bool

    def __str__(self) -> str:
        """One line for a log."""

        def word(enforced: bool) -> str:
            return "enforced" if enforced else "not enforced"

        return (
            f"conditional writes {word(self.conditional_writes)}, sha256 of a body {word(self.checks_sha256)}, "
            f"MD5 of a body {word(self.checks_md5)}"
        )
