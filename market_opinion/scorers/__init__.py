"""Who judges: rules, a trained layer, a language model; one contract for all."""
