"""Series: rows in time order, learnt from in windows."""
