"""Problem types, the measures that suit them, and the heads: LightningModules with the loss of a type.

`types/` holds everything the workflow asks of a type. It does not import torch, so steps without training stay light.
"""
