"""Vocabulary of all rooms: hours, errors, contracts of tables, settings, types, the terminal."""
