"""Which documents are kept.

cutoff: the one comparison of a day or dump with the cutoff. clip: drops documents of the wrong side, empty ones etc.
scan: counts mentions of later years and of the names in canaries.
"""
