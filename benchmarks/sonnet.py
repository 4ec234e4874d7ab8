"""A trigram network with embeddings on a sonnet: the smallest language model, and what it cannot do.

    python -m benchmarks.sonnet

Two words give the next one: embeddings of ten numbers each, a hidden layer of 128 units, softmax. A primer publishes
the training loss after 20, 40, 60, 80 and 100 epochs, and that `so gazed` is followed by `on`. The network learns the
poem by heart. Trained on the first four fifths of it, it knows nothing of the rest: all words alike is better there.

Source of the network: Bengio et al. 2003, "A neural probabilistic language model", JMLR 3. The poem is Shakespeare's
second sonnet. Shapes: N trigrams, V words.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from src.models.kneser_ney import UNKNOWN, KneserNey

PUBLISHED = {20: 0.874, 40: 0.153, 60: 0.090, 80: 0.071, 100: 0.062}
SONNET = """When forty winters shall besiege thy brow,
And dig deep trenches in thy beauty's field,
Thy youth's proud livery so gazed on now,
Will be a totter'd weed of small worth held:
Then being asked, where all thy beauty lies,
Where all the treasure of thy lusty days;
To say, within thine own deep sunken eyes,
Were an all-eating shame, and thriftless praise.
How much more praise deserv'd thy beauty's use,
If thou couldst answer 'This fair child of mine
Shall sum my count, and make my old excuse,'
Proving his beauty by succession thine!
This were to be new made when thou art old,
And see thy blood warm when thou feel'st it cold."""
EMBEDDING, HIDDEN, RATE, MINIBATCH, SHARE = 10, 128, 0.01, 16, 0.8


def trigrams(words: Sequence[str], vocabulary: Sequence[str]) -> Tensor:
    """The numbers of every three words in a row, (N, 3); a word outside the vocabulary has the last number."""
    places = {word: number for number, word in enumerate(vocabulary)}
    numbers = torch.tensor([places.get(word, len(vocabulary)) for word in words])
    return numbers.unfold(0, 3, 1)


def network_of(words: int, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    first = nn.Sequential(nn.Embedding(words, EMBEDDING), nn.Flatten())
    return nn.Sequential(first, nn.Linear(2 * EMBEDDING, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, words))


def loss_of(network: nn.Module, rows_N3: Tensor) -> Tensor:
    """The mean surprise at the third words, in nats."""
    return functional.cross_entropy(network(rows_N3[:, :2]), rows_N3[:, 2])


def train(network: nn.Module, rows_N3: Tensor, epochs: int) -> list[float]:
    """The mean loss of each epoch, as it was while the network learnt."""
    optimizer, means = torch.optim.Adam(network.parameters(), RATE), []
    for _ in range(epochs):
        losses = []
        for rows_B3 in rows_N3.split(MINIBATCH):
            optimizer.zero_grad()
            loss = loss_of(network, rows_B3)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        means.append(float(np.mean(losses)))
    return means


def following(network: nn.Module, two: tuple[str, str], vocabulary: Sequence[str]) -> str:
    """The likeliest word after two words."""
    numbers = torch.tensor([[vocabulary.index(word) for word in two]])
    return vocabulary[int(network(numbers)[0, : len(vocabulary)].argmax())]


def main() -> None:
    torch.set_num_threads(1)
    words = SONNET.split()
    vocabulary = sorted(set(words))
    rows_N3 = trigrams(words, vocabulary)
    network = network_of(len(vocabulary))
    losses = train(network, rows_N3, max(PUBLISHED))
    print("training loss after so many epochs")
    for epoch, published in PUBLISHED.items():
        print(f"  {epoch:>3}  {losses[epoch - 1]:.3f}  (published {published})")
    print(f"so gazed -> {following(network, ('so', 'gazed'), vocabulary)}")

    learnt = words[: round(SHARE * len(words))]
    known = sorted(set(learnt))
    held_N3, size = trigrams(words[len(learnt) - 2 :], known), len(known) + 1
    network = network_of(size)
    training = train(network, trigrams(learnt, known), max(PUBLISHED))[-1]
    # As rows of numbered symbols: an unknown word is UNKNOWN, the others follow it.
    rows_N3 = np.where(held_N3 == size - 1, UNKNOWN, held_N3 + UNKNOWN + 1) * np.array([-1, -1, 1])
    model = KneserNey(3).fit(np.array([[known.index(word) + UNKNOWN + 1 for word in learnt]]))
    p_N = [float(model.next_symbols(row[None, :2])[0, row[2] - 1]) for row in rows_N3.astype(int)]
    print(
        f"learnt from the first {SHARE:.0%}: training {training:.3f}, on the rest {loss_of(network, held_N3):.3f} nats;"
    )
    print(f"  Kneser-Ney of order 3 {-np.mean(np.log(p_N)):.3f}, all words alike {math.log(size):.3f}")


if __name__ == "__main__":
    main()
