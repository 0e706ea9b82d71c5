"""Builds `media.fastpath._forward` when the package is installed, where there is a C compiler."""

import re
from pathlib import Path

from cffi import FFI

here = Path("media/fastpath")
ffi = FFI()
ffi.cdef(re.sub(r"/\*.*?\*/", "", (here / "forward.h").read_text(encoding="utf-8"), flags=re.S))
ffi.set_source(
    "media.fastpath._forward",
    (here / "forward.c").read_text(encoding="utf-8"),
    extra_compile_args=["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter"],
    optional=True,  # without a compiler the pure Python plane does the work
)
