"""What a network is made of, one class for each kind: validated, kept in result files, and put into words."""
