"""The network that answers for each word: torch's own layers, and words that nothing but their sentence changes."""

import pytest
import torch
from torch import nn

from src.networks import build_network, configuration_of
from src.networks.both_ways import BothWays, Packing
from src.networks.tagger import WordDropout
from src.training.inputs import SentenceInputs, answers, rows_of
from tests.kinds.sentences import table_of

CPU = torch.device("cpu")


def network(**changes: object) -> dict[str, object]:
    own = {
        "architecture": "tagger",
        "reader": "lstm",
        "characters": "lstm",
        "units": [8],
        "embedding": 6,
        "character_units": 4,
    }
    return own | changes


@pytest.mark.parametrize(("kind", "own"), [("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_reading_both_ways_is_what_torchs_own_layers_do(kind, own):
    torch.manual_seed(0)
    ours = BothWays(kind, 3, 8, layers=2).double()
    theirs = own(3, 4, 2, bidirectional=True, batch_first=True).double()
    state = {}
    for layer in range(2):
        for way, suffix in enumerate(("", "_reverse")):
            state |= {
                f"weight_ih_l{layer}{suffix}": ours.of_input[layer][way].T,
                f"weight_hh_l{layer}{suffix}": ours.of_state[layer][way].T,
                f"bias_ih_l{layer}{suffix}": ours.biases[layer][0, way, 0],
                f"bias_hh_l{layer}{suffix}": ours.biases[layer][1, way, 0],
            }
    theirs.load_state_dict(state)
    sequences = [torch.randn(length, 3, dtype=torch.float64) for length in (2, 5, 1, 5)]
    packing = Packing.of(torch.tensor([2, 5, 1, 5]))
    read_BH, ends_SH = ours(torch.cat(sequences), packing), ours.ends(torch.cat(sequences), packing)
    for x_LE, found_LH, end_H in zip(sequences, read_BH.split([2, 5, 1, 5]), ends_SH, strict=True):
        expected_LH, last = theirs(x_LE[None])
        torch.testing.assert_close(found_LH, expected_LH[0])
        states = last[0] if isinstance(last, tuple) else last
        torch.testing.assert_close(end_H, torch.cat([states[-2, 0], states[-1, 0]]))


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_gradients_of_reading_both_ways_are_right(kind):
    torch.manual_seed(0)
    reader, packing = BothWays(kind, 3, 4, layers=2).double(), Packing.of(torch.tensor([2, 4, 1]))
    x_BE = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    parameters = dict(reader.named_parameters())

    def read(x_BE, *values):
        return torch.func.functional_call(reader, dict(zip(parameters, values, strict=True)), (x_BE, packing))

    assert torch.autograd.gradcheck(read, (x_BE, *parameters.values()))


@pytest.mark.parametrize("characters", ["lstm", "convolution", "none"])
def test_what_is_said_of_a_sentence_depends_on_no_sentence_beside_it(characters):
    table = table_of(20, characters=characters)
    vectorizer = _vectorizer(table)
    torch.manual_seed(0)
    tagger = build_network(network(characters=characters), vectorizer.transform(table.frame).vocabulary, 4).double()
    tagger.eval()
    together_NK = answers(rows_of(vectorizer.transform(table.frame), torch.float64), 10**6, CPU, tagger)
    for _, sentence in table.frame.groupby("sentence"):
        alone_NK = answers(rows_of(vectorizer.transform(sentence), torch.float64), 10**6, CPU, tagger)
        torch.testing.assert_close(alone_NK, together_NK[sentence.index], rtol=1e-12, atol=1e-12)


def test_a_word_is_read_with_the_words_on_either_side():
    table = table_of(3)
    vectorizer = _vectorizer(table)
    torch.manual_seed(0)
    tagger = build_network(network(), vectorizer.transform(table.frame).vocabulary, 4).eval()
    first = table.frame[table.frame["sentence"] == "s0"]
    other = first.assign(word=[*first["word"].iloc[:-1], "unheard-of"])
    one, two = (answers(rows_of(vectorizer.transform(of), torch.float32), 10**6, CPU, tagger) for of in (first, other))
    assert (one != two).any(dim=1).all()


def test_minibatches_are_whole_sentences_and_hold_every_word_once():
    inputs = rows_of(_vectorizer(table_of(200)).transform(table_of(200).frame), torch.float32)
    assert isinstance(inputs, SentenceInputs)
    minibatches = inputs.minibatches(32, torch.Generator().manual_seed(0))
    assert sorted(torch.cat(minibatches).tolist()) == list(range(len(inputs)))
    assert len(minibatches) == pytest.approx(len(inputs) / 32, rel=0.2)
    for rows_B in [*minibatches, *inputs.by_length(64), inputs.spaced(100)]:
        of_N = inputs.sentence_N
        assert torch.isin(of_N, of_N[rows_B]).sum() == len(rows_B)
        lengths_S = inputs[rows_B].lengths_S
        assert len(lengths_S) == len(of_N[rows_B].unique())
    assert 100 * 0.6 < len(inputs.spaced(100)) < 100 * 1.4
    assert len(inputs.spaced(10**6)) == len(inputs)


def test_words_are_forgotten_in_training_alone():
    forget, words_B = WordDropout(0.5), torch.arange(1, 1001)
    forgotten_B = forget.train()(words_B) == 0
    assert 400 < int(forgotten_B.sum()) < 600
    assert torch.equal(forget.eval()(words_B), words_B)


def test_the_gradients_of_a_tagger_are_clipped():
    assert configuration_of(network()).clip_norm == 1.0


def _vectorizer(table):
    from src.kinds.tokens.vectorizer import TokenVectorizer

    return TokenVectorizer.fit(table.frame, table.schema.features)
