"""Texts as numbers: what scikit-learn makes of them, and nothing learnt from other rows."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from src.core.errors import UserError
from src.inputs.sparse import SparseRows
from src.kinds.registry import kind_of
from src.kinds.text.bag import LENGTH, Bag
from src.kinds.text.encoding import Encoding
from src.kinds.text.tokens import PADDING, UNKNOWN, tokens_of
from src.kinds.text.vectorizer import TextVectorizer
from src.models.measures import TABLE
from src.networks import build_network, configuration_of
from src.networks.bag_of_words import sparse_product
from src.preparation.fold import fit_fold
from src.problem.training import Engine, OverfitLadder, Training
from src.tables.protocols import Split
from src.tables.table import Feature
from src.training.fit import fit
from src.training.inputs import rows_of
from src.training.members import Member
from tests.kinds.texts import encoding, reviews, table_of
from tests.training.examples import candidate, folds_of

TEXTS = reviews(60)["review"].tolist()
ENCODINGS = ["multi_hot", "count", "tf_idf", "hashed", "sequence"]


def vectorizer(texts: list[str], **changes: object) -> TextVectorizer:
    frame = pd.DataFrame({"review": pd.Series(texts, dtype="str")})
    return TextVectorizer.fit(frame, [Feature(name="review", type="text", encoding=encoding(**changes))])


def inputs(of: TextVectorizer, texts: list[str]) -> np.ndarray:
    x_ND = of.transform(pd.DataFrame({"review": pd.Series(texts, dtype="str")}))
    return x_ND.toarray() if isinstance(x_ND, SparseRows) else x_ND


def test_a_text_becomes_words_in_lower_case_without_tags_and_with_marks_that_carry_feeling():
    [words] = tokens_of(["Don't MISS it!<br /><br />Über-fun, 10/10 (it's)"], "words").to_pylist()
    assert [word for word in words if word] == ["dont", "miss", "it", "!", "über", "fun", "10", "10", "its"]
    assert tokens_of(["a  B\nc"], "characters").to_pylist() == [list("a b c")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我喜欢 GPT4，好！", ["我", "喜", "欢", "gpt4", "好", "!"]),
        ("ที่นี่ดี", ["ที่", "นี่", "ดี"]),
        ("映画を見た", ["映", "画", "を", "見", "た"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("cafe\u0301 ❤\ufe0f ok", ["cafe\u0301", "ok"]),
    ],
)
def test_words_of_scripts_without_spaces_are_characters_and_marks_stay_with_their_letters(
    text: str, expected: list[str]
):
    [words] = tokens_of([text], "words").to_pylist()
    assert [word for word in words if word] == expected


def test_texts_that_share_no_word_are_refused_with_the_way_out():
    with pytest.raises(
        UserError, match=r"'review': no word stands in two of the texts .* `text: {tokens: characters}`"
    ):
        vectorizer([f"w{i} v{i}" for i in range(9)])


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_tf_idf_and_multi_hot_are_scikit_learns(longest: int):
    ours = {name: vectorizer(TEXTS, encoding=name, ngrams=longest, vocabulary=10**6) for name in ENCODINGS[:3]}
    options = {"token_pattern": r"\w+", "ngram_range": (1, longest), "min_df": 2}
    theirs = {
        "multi_hot": CountVectorizer(binary=True, **options),
        "tf_idf": TfidfVectorizer(sublinear_tf=True, **options),
    }
    fresh = [*reviews(20, seed=1)["review"], "", "nothing known here"]
    for name, model in theirs.items():
        model.fit(TEXTS)
        names = ours[name].by.vocabulary
        assert sorted(names) == sorted(model.vocabulary_)
        expected = model.transform(fresh).toarray()[:, [model.vocabulary_[gram] for gram in names]]
        scale = LENGTH if name == "tf_idf" else 1.0
        np.testing.assert_allclose(inputs(ours[name], fresh), scale * expected, atol=1e-5)


def test_the_vocabulary_is_the_most_frequent_n_grams_and_ties_go_by_their_text():
    bag = Bag.fit(["b a", "b a", "c a", "c d", "e"], "words", 1, "multi_hot", 3)
    assert bag.vocabulary == ["a", "b", "c"]
    assert Bag.fit(["e", "c d", "c a", "b a", "b a"], "words", 1, "multi_hot", 3) == bag


def test_words_of_two_texts_are_no_pair():
    assert "b c" not in Bag.fit(["a b", "c d", "a b", "c d"], "words", 2, "multi_hot", 100).vocabulary


def test_n_grams_too_many_to_number_in_one_go_are_counted_all_the_same():
    texts = [" ".join(f"w{i + j}" for j in range(6)) for i in range(3000)]
    bag = Bag.fit(texts, "words", 5, "multi_hot", 10**6)
    assert "w10 w11 w12 w13 w14" in bag.vocabulary
    assert bag.transform(["w10 w11 w12 w13 w14 w15"]).sum() == 6 + 5 + 4 + 3 + 2


@pytest.mark.parametrize("name", ENCODINGS)
def test_json_gives_the_vectorizer_back_and_one_row_does_not_depend_on_the_others(name: str):
    fitted = vectorizer(TEXTS[:40], encoding=name)
    again = TextVectorizer.model_validate_json(fitted.model_dump_json())
    assert again == fitted
    together = inputs(again, TEXTS)
    np.testing.assert_array_equal(together, np.vstack([inputs(fitted, [text]) for text in TEXTS]))


@pytest.mark.parametrize("name", ENCODINGS)
def test_changing_a_held_out_text_changes_nothing_that_was_fitted(name: str):
    table = table_of(40, encoding=name)
    training, validation = np.arange(30), np.arange(30, 40)
    before = fit_fold(table, training, validation)
    table.frame.loc[35, "review"] = "entirely entirely other words other words"
    after = fit_fold(table, training, validation)
    assert before.vectorizer.model_dump_json() == after.vectorizer.model_dump_json()
    assert (before.x_AD != after.x_AD).sum() == 0


def test_a_sequence_is_padded_and_cut_at_its_end_and_says_which_words_it_does_not_know():
    fitted = vectorizer(["a b a b c", "a b", "a"], encoding="sequence", length=4, vocabulary=4)
    a, b = inputs(fitted, ["a b"])[0, :2]
    assert inputs(fitted, ["a z b a b", "b", ""]).tolist() == [[a, UNKNOWN, b, a], [b, *[PADDING] * 3], [PADDING] * 4]


def test_a_sequence_may_be_turned_round_or_shuffled_and_the_same_text_always_alike():
    texts = ["a b c d e f", "b a", "f e d c b a", "a b c d e f"]
    onward, back, mixed = (
        inputs(vectorizer(texts, encoding="sequence", length=8, order=order), texts)
        for order in ("onward", "reversed", "shuffled")
    )
    assert back[0].tolist() == [*onward[0, :6][::-1], PADDING, PADDING]
    assert back[1].tolist() == [*onward[1, :2][::-1], *[PADDING] * 6]
    assert (mixed[0] != onward[0]).any()
    assert sorted(mixed[0, :6]) == sorted(onward[0, :6])
    assert mixed[0].tolist() == mixed[3].tolist() != mixed[2].tolist()


def test_the_search_tries_recurrent_dropout_where_a_layer_is_recurrent_and_the_problem_does_not_say():
    def tried(**changes: object) -> dict[str, object]:
        features = table_of(9, encoding="sequence", **changes).schema.features
        return dict(kind_of(features).options(features))

    assert tried(network="gru") == {"recurrent_dropout": (0.0, 0.25)}
    assert tried(network="embedding") == tried(network="lstm", options={"recurrent_dropout": 0.5}) == {}
    features = table_of(9, encoding="sequence", network="lstm", options={"layers": 2}).schema.features
    rung = kind_of(features).ladders["predict"](features, OverfitLadder(), Training())[0]
    assert rung.recurrent_dropout == 0.0
    assert rung.layers == 2


def test_hashed_columns_learn_nothing():
    one, other = vectorizer(TEXTS[:5], encoding="hashed"), vectorizer(TEXTS[20:], encoding="hashed")
    assert one == other
    assert inputs(one, TEXTS).any(axis=1).all()


def test_the_sparse_product_is_the_dense_one_and_so_is_its_gradient():
    import torch

    x_BD = torch.rand(7, 11, dtype=torch.float64) * (torch.rand(7, 11) < 0.3)
    weight = torch.rand(11, 3, dtype=torch.float64, requires_grad=True)
    sparse = rows_of(SparseRows(csr_array(x_BD.numpy())), torch.float64).to(torch.device("cpu"))
    out = sparse_product(sparse, weight)
    torch.testing.assert_close(out, x_BD @ weight)
    (out**2).sum().backward()
    torch.testing.assert_close(weight.grad, 2 * x_BD.T @ (x_BD @ weight.detach()))


@pytest.mark.parametrize("name", ["tf_idf", "hashed"])
def test_a_small_network_learns_to_tell_praise_from_blame(name: str):
    table = table_of(120, encoding=name)
    network = {"architecture": "bag_of_words", "units": [8], "activation": "relu", "dropout": 0.2}
    config = candidate(learning_rate=0.01, epochs=15).model_copy(update={"network": configuration_of(network)})
    everything = Split(0, 0, np.arange(120), np.arange(0))
    members = [Member.of_split(config, split, 0) for split in [*folds_of(120), everything]]
    *trained, refitted = fit(members, table, TABLE["accuracy"], Engine(), "texts")
    assert np.mean([of.history.validation[-1] for of in trained]) > 0.9
    assert refitted.history.training[-1] > 0.9
    assert refitted.predictions.shape == (0, 1)


def test_the_encoding_goes_by_texts_for_each_word():
    from src.kinds.text.encoding import encode
    from src.problem.inputs import Text
    from src.problem.steps import PrepareSettings

    settings = PrepareSettings.model_construct(type="binary", text=Text())
    features = [Feature(name="review", type="text")]
    short = pd.DataFrame({"review": ["good"] * 4000})
    [few], [choice] = encode(short.head(1000), features, settings)
    [many], _ = encode(short, features, settings)
    assert Encoding.model_validate(few.encoding).encoding == "tf_idf"
    assert choice.reason == "1,000 texts of 1 words on average, under 1,500 texts for each word"
    assert Encoding.model_validate(many.encoding).encoding == "sequence"


@pytest.mark.parametrize("reader", ["embedding", "convolution", "rnn", "gru", "lstm", "convolution_gru", "transformer"])
def test_padding_never_changes_a_result(reader: str):
    import torch

    torch.manual_seed(0)
    network = {"architecture": "sequence", "reader": reader, "tokens": 9, "embedding": 4, "units": [8, 6]}
    built = build_network(network, 6, 2).double().eval()
    x_BL = torch.tensor([[2, 3, 4, 8, 0, 0], [5, 0, 0, 0, 0, 0], [0] * 6, [2, 3, 4, 5, 6, 7]], dtype=torch.float64)
    longer = torch.nn.functional.pad(x_BL, (0, 7))
    torch.testing.assert_close(built(longer), built(x_BL), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(built(x_BL[:2, :4]), built(x_BL[:2]), rtol=1e-12, atol=1e-12)
    assert not torch.equal(built(x_BL)[0], built(x_BL.flip(0))[0])


@pytest.mark.parametrize(
    "reader",
    [
        "embedding",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("convolution", "gru", "lstm", "transformer")),
    ],
)
def test_networks_that_read_in_order_learn(reader: str):
    table = table_of(120, encoding="sequence", network=reader)
    settings, training = OverfitLadder.model_validate({}), Training.model_validate({})
    network = kind_of(table.schema.features).ladders["predict"](table.schema.features, settings, training)[1]
    config = candidate(learning_rate=0.03, epochs=20).model_copy(update={"network": configuration_of(network)})
    members = [Member.of_split(config, split, 0) for split in folds_of(120)]
    trained = fit(members, table, TABLE["accuracy"], Engine(), "sequences")
    assert np.mean([of.history.validation[-1] for of in trained]) > 0.8
