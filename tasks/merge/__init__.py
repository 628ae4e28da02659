"""The offline merge: an adapter folded into its base, and shown to be in it."""
