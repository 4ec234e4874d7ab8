"""Tables: numbers, truth values, categories and dates."""
