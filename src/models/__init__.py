"""Problem types, the measures that suit them, and the heads: LightningModules with the loss of a type.

`types/` is everything the workflow asks of a type, without torch, so that steps that train nothing stay light.
"""
