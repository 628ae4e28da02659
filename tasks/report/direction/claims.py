"""What the reference claims of its forex adapter. Its data are not public, so none of its figures is reproduced."""

ACCURACY = "63 to 64 %"
"""Of all trades."""
KEPT_ACCURACY = "89 %"
"""Of the trades it keeps."""
CERTAINTY = 0.95
"""Its threshold."""
KEPT_SHARES = (0.15, 0.20)
"""Of its trades above the threshold."""
