"""What every room may use, whatever the problem: errors, files, names, steps, credentials, processes, progress."""
