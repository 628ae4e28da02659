"""What runs on a rented machine. `machine`: its worker, and the watchdog that ends it."""
