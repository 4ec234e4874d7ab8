"""Series: rows in time order, learnt from as windows."""
