"""What every room may use and no problem shapes: errors, files, names, processes, progress."""
