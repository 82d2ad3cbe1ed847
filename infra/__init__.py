"""What provisions: nothing of the platform imports it."""
