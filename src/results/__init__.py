"""What the steps found, as files: one class per step, how it is worded, and the answer that follows from it."""
