"""Operation: runs and their readings, adapters, metrics, alerts, doctor and audit."""
