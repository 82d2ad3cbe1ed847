"""How right the opinions are: labels, evaluation and agreement."""
