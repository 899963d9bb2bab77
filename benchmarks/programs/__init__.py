"""Kinds of hybrid programs as people write them with TorchLayer; clients.py runs them with TorchLayer and with ours."""

from programs.circuits import (
    amplitude_and_angle,
    batch_columns,
    batch_of_one,
    branch_on_inputs,
    branch_on_weights,
    finite_shots,
    lightning,
    mid_circuit,
    parameter_shift,
    reuploading,
)
from programs.images import autoencoder, gan, qcnn, quanvolution
from programs.program import Kind, MakeLayer, Program
from programs.sequences import attention, qlstm
from programs.training import (
    actor,
    eight_layers,
    layer_a_step,
    one_sample_loop,
    physics_informed,
    prediction_loop,
    transfer,
)

KINDS = {
    kind.name: kind
    for kind in (
        Kind(qlstm),
        Kind(attention),
        Kind(quanvolution),
        Kind(qcnn),
        Kind(gan),
        Kind(autoencoder),
        Kind(physics_informed),
        Kind(transfer),
        Kind(actor),
        Kind(one_sample_loop),
        Kind(prediction_loop),
        Kind(eight_layers),
        Kind(layer_a_step),
        Kind(reuploading),
        Kind(batch_columns),
        Kind(batch_of_one),
        Kind(amplitude_and_angle),
        Kind(mid_circuit),
        Kind(branch_on_inputs),
        Kind(branch_on_weights),
        Kind(parameter_shift),
        Kind(finite_shots, is_random=True),
        Kind(lightning),
    )
}

__all__ = ["KINDS", "Kind", "MakeLayer", "Program"]
