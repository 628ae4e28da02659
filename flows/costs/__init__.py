"""What a run costs: the budget gate before each rented step, and the table of what was spent."""
