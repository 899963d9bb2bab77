"""Vectors as values in compiled code, as wide as the processor's registers.

Left to itself the compiler does not vectorise gates, because it cannot know that the two rows of amplitudes that a gate
pairs never overlap. With vectors as values the kernels say so, and read like the formulas they are.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, register_model

VECTOR_BYTES = 64 if get_host_cpu_features().get("avx512f") else 32

_LLVM = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}
# Not "reassoc": the reduction of an angle by multiples of π/2 lives from the order of its steps.
_FAST = ("contract", "nsz")


class VectorType(types.Type):
    """As many numbers of one dtype as fill a register of 32 bytes, or of 64 where there are such."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        self.lanes = VECTOR_BYTES * 8 // dtype.bitwidth
        super().__init__(name=f"Vector({dtype}, {self.lanes})")

    @property
    def llvm(self) -> ir.VectorType:
        """The type in LLVM's terms."""
        return ir.VectorType(_LLVM[self.dtype], self.lanes)


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: VectorType) -> None:
        super().__init__(dmm, fe_type, fe_type.llvm)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, row: Any, vector: VectorType) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    lanes = ir.Constant(row.type, vector.lanes)
    address = builder.gep(data, [builder.mul(row, lanes)])
    return builder.bitcast(address, vector.llvm.as_pointer())


@intrinsic
def load(typingctx: Any, array: Any, row: Any) -> Any:
    """Row ``row`` of a contiguous array of shape ``(rows, lanes)``."""
    vector = VectorType(array.dtype)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = context.cast(builder, arguments[1], signature.args[1], types.intp)
        pointer = _pointer(context, builder, signature.args[0], arguments[0], row, vector)
        return builder.load(pointer, align=vector.dtype.bitwidth // 8)

    return vector(array, row), codegen


@intrinsic
def store(typingctx: Any, array: Any, row: Any, value: Any) -> Any:
    """Write row ``row`` of a contiguous array of shape ``(rows, lanes)``."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = context.cast(builder, arguments[1], signature.args[1], types.intp)
        pointer = _pointer(context, builder, signature.args[0], arguments[0], row, signature.args[2])
        builder.store(arguments[2], pointer, align=signature.args[2].dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, row, value), codegen


@intrinsic
def splat(typingctx: Any, scalar: Any) -> Any:
    """A vector of one number."""
    vector = VectorType(scalar)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        empty = ir.Constant(vector.llvm, ir.Undefined)
        first = builder.insert_element(empty, arguments[0], ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), vector.lanes), [0] * vector.lanes)
        return builder.shuffle_vector(first, empty, mask)

    return vector(scalar), codegen


@intrinsic
def parity(typingctx: Any, value: Any) -> Any:
    """1 if an odd number of the integer's bits are set, else 0; one instruction where a loop of shifts would be ten."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.and_(builder.ctpop(arguments[0]), ir.Constant(arguments[0].type, 1))

    return value(value), codegen


@intrinsic
def total(typingctx: Any, value: Any) -> Any:
    """The sum of a vector's numbers, always in the same order."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector, number = signature.args[0], _LLVM[signature.args[0].dtype]
        name = f"llvm.vector.reduce.fadd.v{vector.lanes}f{vector.dtype.bitwidth}"
        function_type = ir.FunctionType(number, [number, vector.llvm])
        reduce = cgutils.get_or_insert_function(builder.module, function_type, name)
        return builder.call(reduce, [ir.Constant(number, 0.0), *arguments], fastmath=("reassoc",))

    return value.dtype(value), codegen


@intrinsic
def nearest(typingctx: Any, value: Any) -> Any:
    """The nearest whole numbers, of a vector."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = signature.args[0]
        name = f"llvm.rint.v{vector.lanes}f{vector.dtype.bitwidth}"
        function_type = ir.FunctionType(vector.llvm, [vector.llvm])
        return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), arguments)

    return value(value), codegen


def _define(symbol: Any, instruction: str) -> None:
    @infer_global(symbol)
    class VectorOperation(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 2 and isinstance(args[0], VectorType) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(symbol, VectorType, VectorType)
    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments, flags=_FAST)


for _symbol, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _define(_symbol, _instruction)

__all__ = ["VECTOR_BYTES", "VectorType", "load", "nearest", "parity", "splat", "store", "total"]
