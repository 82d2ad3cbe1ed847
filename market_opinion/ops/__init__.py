"""What keeps it running: metrics, alerts, audit and the dictionary of tables."""
