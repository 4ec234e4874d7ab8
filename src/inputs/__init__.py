"""Inputs of networks and shallow models that are not plain arrays: sparse rows, pictures, sentences, word vectors."""
