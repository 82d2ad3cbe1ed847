"""What every room speaks of: hours, errors, contracts of tables, settings, types and the terminal."""
