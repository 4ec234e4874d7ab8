"""Pictures as a kind of input."""

from src.kinds.image.autoencoders import autoencoders
from src.kinds.image.encoding import decoded, encode
from src.kinds.image.ladder import ladder, options
from src.kinds.image.likelihoods import LEVELS, LIKELIHOODS, OF_ROWS, constants, likelihoods
from src.kinds.image.rebuilt import rebuilt, restored
from src.kinds.image.shallow import SHALLOW
from src.kinds.image.shown import shown
from src.kinds.image.vectorizer import ImageVectorizer
from src.kinds.kind import Kind
from src.kinds.views import View
from src.models.judges import PictureJudge

IMAGE = Kind(
    columns=frozenset({"image"}),
    vectorizer=ImageVectorizer,
    shallow=SHALLOW | LIKELIHOODS,
    of_rows={"likelihood": OF_ROWS},
    ladders={"predict": ladder, "rebuild": autoencoders, "likelihood": likelihoods},
    larger="overfit.max_rungs, image.operations",
    apart=True,
    pretrains=True,
    epochs=50,
    gradient_steps=4_000,
    penalties=0.1,
    # A picture costs as much in a large minibatch as in a small one, so that more steps of small ones are free.
    fewest_epochs=8,
    largest_batch=128,
    candidates=12,
    flat={"rebuild": View(columns="every_pixel"), "likelihood": LEVELS},
    shown=shown,
    rebuilt=rebuilt,
    restored=restored,
    encode=encode,
    constants=constants,
    judge=PictureJudge,
    class_beside=True,
    store=decoded,
    options=options,
)
