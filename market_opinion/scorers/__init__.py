"""Scorers: rules, a small trained encoder, a language model; one contract for all."""
