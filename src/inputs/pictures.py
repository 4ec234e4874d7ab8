"""Pictures as bytes: in a table, and as inputs of networks.

In a prepared table a picture is a file in a very simple format, binary netpbm (a short header, then the bytes). All
have one size, so that a table of them is read without decoding. Data after these bytes is not part of the picture.
Shapes: N pictures, C channels, H height, W width, D = C * H * W.
"""

import io
import re
import struct
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from src.inputs.picture_file import PixelsOnDisk, Row

if TYPE_CHECKING:
    from PIL import Image

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

# The most pictures processed together, which bounds the memory.
AT_ONCE = 4096

# The formats to open. Pillow knows more, but some of them (EPS) start another program.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")


# How the address of a picture begins that is itself in it, so that a page needs no other file.
PICTURE = "data:image/"


class Undecodable(Exception):
    """Bytes that are not a picture, or end too early."""


@dataclass(frozen=True)
class Shape:
    """The shape that all pictures are converted to: one size, and one channel (grey) or three (red, green, blue)."""

    channels: int
    height: int
    width: int

    @property
    def header(self) -> bytes:
        """The header of a netpbm file of this shape."""
        return f"P{5 if self.channels == 1 else 6}\n{self.width} {self.height}\n255\n".encode()

    @property
    def size(self) -> int:
        return self.channels * self.height * self.width


@dataclass(frozen=True)
class Pictures:
    """Vectorized pictures: bytes, and the mean and scale of each channel, which normalize them.

    They stay bytes until a minibatch is taken, which needs a quarter of the memory, or on disk if that is too much.
    """

    pixels_NCHW: Bytes | PixelsOnDisk
    mean_C: Floats
    scale_C: Floats

    # Why their networks are trained one after another.
    looped = "pictures are not stacked: their networks are too large to gain from it"

    def __len__(self) -> int:
        return len(self.pixels_NCHW)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.pixels_NCHW.shape

    def __getitem__(self, rows: slice) -> "Pictures":
        return Pictures(self.pixels_NCHW[rows], self.mean_C, self.scale_C)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Normalized pixels, (N, D)."""
        normalized = (in_memory(self.pixels_NCHW) - self.mean_C[:, None, None]) / self.scale_C[:, None, None]
        return normalized.reshape(len(self), -1).astype(dtype or np.float32)


@dataclass(frozen=True)
class ClassedPictures:
    """Bytes of pictures, and the class of each as a number from 0."""

    pixels_NCHW: Bytes
    class_N: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.class_N)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.pixels_NCHW.shape

    def __getitem__(self, rows: slice | NDArray[Any]) -> "ClassedPictures":
        return ClassedPictures(self.pixels_NCHW[rows], self.class_N[rows])


def in_memory(pixels_NCHW: Bytes | PixelsOnDisk) -> Bytes:
    return pixels_NCHW.read() if isinstance(pixels_NCHW, PixelsOnDisk) else pixels_NCHW


def picture_uri(file: bytes, type_: str) -> str:
    """The address of a picture that is itself in it. type_: `png` or `svg+xml`."""
    return f"{PICTURE}{type_};base64,{b64encode(file).decode()}"


def averaged(x: "Pictures | Bytes", most: float) -> NDArray[Any]:
    """Pictures (N, C, H, W) as numbers (N, D): squares of neighbouring pixels are averaged until there are few enough.

    most: how many numbers of a picture there may be.
    """
    _, channels, height, width = x.shape
    side = 1
    while channels * (height // side) * (width // side) > most:
        side += 1
    rows, columns = height // side, width // side
    parts = []
    for start in range(0, len(x), AT_ONCE):
        part = x[start : start + AT_ONCE]
        cut_BCHW = np.asarray(part).reshape(part.shape)[:, :, : rows * side, : columns * side]
        means = cut_BCHW.reshape(len(part), channels, rows, side, columns, side).mean(axis=(3, 5))
        parts.append(means.reshape(len(part), -1))
    return np.concatenate(parts) if parts else np.empty((0, channels * rows * columns), np.float32)


def packed(pixels_NHWC: Bytes) -> Iterator[bytes]:
    """Pixels as netpbm files."""
    _, height, width, channels = pixels_NHWC.shape
    header = Shape(channels, height, width).header
    return (header + pixels.tobytes() for pixels in pixels_NHWC)


def pixels_of(stored: Sequence[bytes | Row], shape: Shape) -> Bytes:
    """The pictures in files of any format, (N, C, H, W). Netpbm files of the shape need no decoding.

    Raises Undecodable.
    """
    files = [bytes(file) for file in stored]
    header, end = shape.header, len(shape.header) + shape.size
    if all(len(file) >= end and file.startswith(header) for file in files):
        pixels = bytearray().join(file[len(header) : end] for file in files)
        pixels_NHWC = np.frombuffer(pixels, np.uint8).reshape(-1, shape.height, shape.width, shape.channels)
    else:
        pixels_NHWC = np.empty((len(files), shape.height, shape.width, shape.channels), dtype=np.uint8)
        for row, file in enumerate(files):
            pixels_NHWC[row] = _decoded(file, shape)
    return np.ascontiguousarray(pixels_NHWC.transpose(0, 3, 1, 2))


def lazy_pixels_of(files: Sequence[bytes | Row], shape: Shape) -> Bytes | PixelsOnDisk:
    """The same as `pixels_of`, but pictures on disk stay there."""
    if not (files and isinstance(files[0], Row)):
        return pixels_of(files, shape)
    rows_N = np.array([file.row for file in files if isinstance(file, Row)], np.intp)
    return PixelsOnDisk(files[0].file, rows_N, len(shape.header), (shape.height, shape.width, shape.channels))


def normalized_files(files: Sequence[bytes], shape: Shape) -> list[bytes]:
    """The pictures as netpbm files of the shape."""
    normalized: list[bytes] = []
    for start in range(0, len(files), AT_ONCE):
        normalized += packed(pixels_of(files[start : start + AT_ONCE], shape).transpose(0, 2, 3, 1))
    return normalized


def look(file: bytes) -> Shape:
    """The shape of a picture, read from the head of its file. Raises Undecodable."""
    packed_as = _packed_as(file)
    if packed_as is not None:
        return packed_as
    from PIL import Image

    with _noticed(), Image.open(io.BytesIO(file), formats=FORMATS) as image:
        turned = image.getexif().get(_ORIENTATION, 1) in _TURNED
        width, height = reversed(image.size) if turned else image.size
        return Shape(1 if image.mode in _GREY else 3, height, width)


def decodes(file: object) -> bool:
    """Whether this is a complete file of a picture."""
    if not isinstance(file, bytes):
        return False
    if _packed_as(file) is not None:
        return True
    from PIL import Image

    try:
        with _noticed(), Image.open(io.BytesIO(file), formats=FORMATS) as image:
            image.load()
            _of_bytes(image)
    except Undecodable:
        return False
    return True


def png(pixels_CHW: Bytes, largest: int) -> bytes:
    """A picture as a PNG file, no side longer than `largest`."""
    from PIL import Image

    pixels_HWC = pixels_CHW.transpose(1, 2, 0)
    image = Image.fromarray(pixels_HWC[..., 0] if len(pixels_CHW) == 1 else np.ascontiguousarray(pixels_HWC))
    image.thumbnail((largest, largest))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def side_by_side(files: Sequence[bytes]) -> bytes:
    """Pictures of one shape, from left to right in one PNG file."""
    shape = look(files[0])
    pixels_CHW = np.concatenate(list(pixels_of(files, shape)), axis=2)
    return png(pixels_CHW, max(pixels_CHW.shape))


_HEAD = re.compile(rb"P([56])\n([0-9]+) ([0-9]+)\n255\n")
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)
_WIDE = ("I", "F", "I;16", "I;16B", "I;16L")
_GREY = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L")


def _packed_as(file: bytes) -> Shape | None:
    """The shape of a file that `packed` made, read without Pillow; None for any other."""
    head = _HEAD.match(file)
    if head is None:
        return None
    shape = Shape(1 if head[1] == b"5" else 3, int(head[3]), int(head[2]))
    return shape if len(file) >= len(shape.header) + shape.size else None


def _decoded(file: bytes, shape: Shape) -> Bytes:
    """The pixels (H, W, C) of a picture, upright and resized to the shape."""
    from PIL import Image, ImageOps

    with _noticed(), Image.open(io.BytesIO(file), formats=FORMATS) as image:
        size = (shape.width, shape.height)
        image.draft(image.mode, size)  # decode a JPEG file only as finely as needed
        upright = _of_bytes(ImageOps.exif_transpose(image))
        plain = upright.convert("L" if shape.channels == 1 else "RGB")
        pixels = np.asarray(plain if plain.size == size else plain.resize(size, Image.Resampling.BILINEAR))
        return pixels.reshape(shape.height, shape.width, shape.channels)


def _of_bytes(image: "Image.Image") -> "Image.Image":
    """Pixels of 16 bits, or numbers from 0 to 1, as bytes; other pictures as they are. Raises ValueError beyond these.

    Pillow's own conversion would cut them off at 255.
    """
    from PIL import Image

    if image.mode not in _WIDE:
        return image
    pixels = np.asarray(image, dtype=np.float64)
    most = 1.0 if image.mode == "F" else 65_535.0
    if not (pixels.min() >= 0 and pixels.max() <= most):
        raise ValueError(f"its pixels are not from 0 to {most:g}")
    return Image.fromarray(np.round(pixels * (255 / most)).astype(np.uint8))


@contextmanager
def _noticed() -> Iterator[None]:
    """Raise Undecodable for whatever Pillow raises if a file is not a picture in one of the formats."""
    from PIL import Image

    try:
        yield
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise Undecodable(str(error)) from None
