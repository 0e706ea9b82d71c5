"""What pyproject.toml cannot say: the compiled fast path of the media plane."""

from setuptools import setup

setup(cffi_modules=["media/fastpath/build.py:ffi"])
