"""The report: result files in, one self-contained HTML page and a model card out.

`evidence` reads the files, `diagnostics` computes what a figure needs from predictions, `words` turns numbers and
settings into text, `sections` puts both together, `page` and `card` render.
"""
