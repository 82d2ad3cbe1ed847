"""Truth of the opinions: labelled items, evaluation, accuracy, agreement, and training."""
