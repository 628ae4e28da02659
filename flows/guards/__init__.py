"""What keeps two runs from one artifact, one run from its pool for ever, and the dead from holding anything."""
