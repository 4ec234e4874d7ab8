"""The table of all problem types. The steps ask a `ProblemType` and never for its name."""

from src.models.types.autoencode import AUTOENCODE
from src.models.types.binary import BINARY
from src.models.types.cluster import CLUSTER_TYPE
from src.models.types.density import DENSITY
from src.models.types.generate import GENERATE
from src.models.types.language_model import LANGUAGE_MODEL
from src.models.types.multiclass import MULTICLASS
from src.models.types.multilabel import MULTILABEL
from src.models.types.problem_type import ProblemType
from src.models.types.regression import REGRESSION
from src.models.types.unit_interval import UNIT_INTERVAL

# In the order in which types are guessed, see `ProblemType.guess`.
TYPES: dict[str, ProblemType] = {
    type_.name: type_
    for type_ in (
        BINARY,
        MULTICLASS,
        MULTILABEL,
        REGRESSION,
        UNIT_INTERVAL,
        AUTOENCODE,
        LANGUAGE_MODEL,
        DENSITY,
        GENERATE,
        CLUSTER_TYPE,
    )
}
