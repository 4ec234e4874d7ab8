"""Figures: pure functions, numbers in and a matplotlib `Figure` out. `src.plots.style` holds their one look."""
