"""What networks and shallow models are given in the place of arrays: sparse rows, pictures, sentences, word vectors."""
