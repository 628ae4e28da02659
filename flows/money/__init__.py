"""What a run has spent, and the question before it spends more than it may."""
