"""Shallow models for series: linear ones on the window."""

from src.kinds.shallow import ByFamily
from src.kinds.tabular.shallow import SHALLOW as OF_TABLES

SHALLOW: ByFamily = {family: {"linear": models["linear"]} for family, models in OF_TABLES.items()}
