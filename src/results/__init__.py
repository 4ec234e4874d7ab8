"""The steps' results as files: one class per step, their wording, and the answer that follows from them."""
