"""Recall and precision of masks of personal data, and what they cost: README.md."""
