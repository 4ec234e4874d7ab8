"""The configurations of networks, one class for each architecture: validated, kept in result files, put into words."""
