"""Truth of the opinions: labels, evaluation, accuracy, estimates, agreement, and training."""
