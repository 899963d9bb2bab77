"""Classical models from scikit-learn, tuned on the training part and reported beside the quantum ones."""
