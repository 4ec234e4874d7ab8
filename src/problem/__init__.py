"""A problem file merged with the defaults of `params.yaml`, checked in every key before anything runs.

Each step's settings are one class that lists what the step reads; `Problem` is their union. The step `define`
writes every class as one small JSON file, so that DVC runs a step again only when something it reads has changed.
"""
