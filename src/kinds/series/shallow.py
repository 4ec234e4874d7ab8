"""Shallow models for series: linear ones on the window."""

from src.kinds.tabular.shallow import SHALLOW as OF_TABLES

SHALLOW = {of: {"linear": models["linear"]} for of, models in OF_TABLES.items()}
