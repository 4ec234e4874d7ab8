"""Problem files, merged with the defaults of `params.yaml` and checked completely before anything runs.

The settings of each step are a class; `Problem` is their union. The step `define` writes each class as a small JSON
file, so that DVC runs a step again only when settings that it reads have changed.
"""
