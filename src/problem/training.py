"""Settings of training: how networks are trained, how large they are, which candidates are tried, and where."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from src.core.credentials import fault_of_address
from src.problem.terms import Auto, Settings


class Training(Settings):
    """How networks are trained unless the search changes it (the book's defaults)."""

    optimizer: Literal["rmsprop", "adam", "adamw", "sgd"] = Field("rmsprop", description="how weights follow gradients")
    learning_rate: float = Field(0.001, gt=0, le=10, description="the step size; the search varies it by factors")
    schedule: Literal["constant", "linear", "cosine", "coslog4"] = Field(
        "constant",
        description="how the learning rate changes from step to step: it falls to zero, or in four cycles (coslog4)",
        exclude_if=lambda name: name == "constant",
    )
    batch_size: Annotated[int, Field(ge=1, le=10_000_000)] | Auto = Field(
        "auto", description="rows per gradient step; auto: by the number of rows"
    )
    epochs: Annotated[int, Field(ge=1, le=100_000)] | Auto = Field(
        "auto", description="the most epochs of any training; auto: by the kind of input and the number of rows"
    )
    activation: Literal["relu", "tanh", "gelu"] = Field("relu", description="of hidden layers")


class OverfitLadder(Settings):
    """The capacity ladder: `first_units` in one hidden layer, doubled from rung to rung, with up to three layers."""

    first_units: int = Field(4, ge=1, le=4096, description="of the first rung")
    max_rungs: int = Field(6, ge=1, le=16, description="the most networks on the ladder")


class Search(Settings):
    """The search of the step regularize."""

    budget: Annotated[int, Field(ge=1, le=10_000)] | Auto = Field(
        "auto", description="number of candidates; auto: by the kind of input"
    )
    dropout: list[Annotated[float, Field(ge=0, lt=1)]] = Field(min_length=1, description="rates that are tried")
    l1: list[Annotated[float, Field(ge=0, le=10)]] = Field(
        min_length=1, description="penalties on the weights' absolute values that are tried"
    )
    l2: list[Annotated[float, Field(ge=0, le=10)]] = Field(
        min_length=1, description="penalties on the weights' squares that are tried"
    )
    learning_rate: list[Annotated[float, Field(gt=0, le=1000)]] = Field(
        min_length=1, description="factors on training.learning_rate that are tried"
    )
    weight_decay: list[Annotated[float, Field(ge=0, le=100)]] = Field(
        [0.0],
        min_length=1,
        description="shares by which weights shrink in a step, times the learning rate, that are tried",
        exclude_if=lambda values: values == [0.0],
    )
    loss: list[Literal["auto", "absolute", "huber"]] = Field(
        ["auto"],
        min_length=1,
        description="losses that are tried; auto: that of the type, others only for numbers of any size",
        exclude_if=lambda values: values == ["auto"],
    )
    label_smoothing: list[Annotated[float, Field(ge=0, lt=1)]] = Field(
        [0.0],
        min_length=1,
        description="shares of a row's certainty, dealt out to all classes, that are tried; only of classes",
        exclude_if=lambda values: values == [0.0],
    )


class Engine(Settings):
    """Where trainings run. No stage depends on it, because results do not."""

    backend: Literal["local", "dask", "ray"] = Field("local", description="processes here, or those of a cluster")
    address: str | None = Field(
        None, min_length=1, description="where the cluster is: tcp://scheduler:8786 (dask), ray://head:10001 (ray)"
    )
    workers: Annotated[int, Field(ge=1, le=1024)] | Auto = Field(
        "auto", description="processes; auto: one per core if the job is long enough, or all of a cluster"
    )
    accelerator: Literal["auto", "cpu", "gpu"] = Field("auto", description="auto: a GPU if there is one")
    memory: float = Field(0.5, gt=0, le=1, description="share of the device's free memory that a training may take")
    precision: Literal["float32", "tf32", "bf16"] = Field(
        "float32", description="of matrix products on a GPU; tf32 and bf16 are faster and change the results"
    )

    devices: int = Field(
        1,
        ge=1,
        le=1024,
        description="devices per machine that train one network together, for networks too large for one device",
    )
    strategy: Literal["auto", "ddp"] = Field("auto", description="Lightning's strategy for several devices")
    num_nodes: int = Field(
        1,
        ge=1,
        le=1024,
        description="machines that train one network together: the step runs on all of them at once, with "
        "MASTER_ADDR, MASTER_PORT and NODE_RANK set",
    )

    @property
    def spreads(self) -> bool:
        """Whether a network is trained on several devices."""
        return self.devices * self.num_nodes > 1

    @model_validator(mode="after")
    def a_cluster_has_an_address(self) -> Self:
        if (self.backend == "local") != (self.address is None):
            raise ValueError("engine: give an address with backend dask or ray, and none with local")
        fault = None if self.address is None else fault_of_address(self.address)
        if fault is not None:
            raise ValueError(
                f"engine.address: the address {fault}, which git, DVC and the records would keep; remove it and "
                "give it in the settings of Dask or Ray on this machine"
            )
        return self

    @model_validator(mode="after")
    def a_strategy_needs_several_devices(self) -> Self:
        if self.strategy != "auto" and not self.spreads:
            raise ValueError("engine: a strategy is for several devices or num_nodes; leave strategy: auto with one")
        return self
