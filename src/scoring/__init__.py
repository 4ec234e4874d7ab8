"""Use a trained model: rows of a file or a request in, predictions and refused rows out.

The rows are read with the problem's settings and checked as the training rows were, as far as that is possible without
a target.
"""
