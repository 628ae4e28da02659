"""Order and routing of the stages; no arithmetic."""
