"""A trained model put to use: rows of a file or a request in, predictions and refused rows out.

The rows are read with the problem's settings for reading and checked as the training rows were, as far as rows without
a target can be.
"""
