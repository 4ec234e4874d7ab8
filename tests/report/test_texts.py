"""Texts that a model wrote, as the report shows them."""

from src.report.texts import _marked
from src.results.evaluate import WrittenText


def test_copied_stretches_are_marked_and_nothing_in_a_text_is_taken_for_html():
    written = WrittenText(temperature=1.0, text="a <b>\nbold\nmove & more", copied=[(2, 7), (11, 15)])
    assert _marked(written) == "a <mark>&lt;b&gt;<br>b</mark>old<br><mark>move</mark> &amp; more"
    assert _marked(written.model_copy(update={"copied": []})) == "a &lt;b&gt;<br>bold<br>move &amp; more"
