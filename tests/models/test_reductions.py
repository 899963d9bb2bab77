from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from models.reductions.pca import Pca
from models.reductions.pca_threshold import PcaThreshold
from qlayers.errors import ConfigurationError, InputError


@pytest.fixture
def rows():
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    return torch.randn(50, 6, generator=generator, dtype=torch.float64) @ mixing + 10


def test_pca_is_the_eigendecomposition_of_the_covariance(rows):
    pca = Pca(6, 3).double()
    pca.fit(rows)
    outputs = pca(rows)
    # Uncorrelated, centred, of unit variance …
    torch.testing.assert_close(torch.cov(outputs.T), torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(outputs.mean(dim=0), torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)
    # … along the leading eigenvectors, which NumPy finds in another way.
    variances, vectors = np.linalg.eigh(np.cov(rows.numpy().T))
    np.testing.assert_allclose(pca.scale.numpy() ** 2, variances[::-1][:3])
    overlaps = np.abs(pca.components.numpy() @ vectors[:, ::-1][:, :3])
    np.testing.assert_allclose(overlaps, np.eye(3), atol=1e-10)


def test_pca_is_not_trainable_and_is_part_of_the_state(rows):
    pca = Pca(6, 2).double()
    assert not list(pca.parameters())
    pca.fit(rows)
    loaded = Pca(6, 2).double()
    loaded.load_state_dict(pca.state_dict())
    assert torch.equal(loaded(rows), pca(rows))
    assert torch.equal(copy.deepcopy(pca)(rows), pca(rows))
    assert pca(rows.reshape(5, 10, 6)).shape == (5, 10, 2)


def test_a_constant_direction_is_not_blown_up():
    rows = torch.zeros(10, 3)
    rows[:, 0] = torch.arange(10.0)
    pca = Pca(3, 3)
    pca.fit(rows)
    assert pca.scale.tolist()[1:] == [1.0, 1.0]
    assert pca(rows)[:, 1:].abs().max() < 1e-6


def test_pca_refuses_what_it_cannot_do(rows):
    with pytest.raises(ConfigurationError, match="1 to 6 components, but 7"):
        Pca(6, 7)
    with pytest.raises(ConfigurationError, match="there are 3"):
        Pca(6, 3).fit(rows[:3])
    with pytest.raises(RuntimeError, match="not fitted"):
        Pca(6, 3)(rows)
    pca = Pca(6, 3).double()
    pca.fit(rows)
    with pytest.raises(InputError, match="takes 6 values a row, but got 5"):
        pca(rows[:, :5])


@pytest.mark.parametrize("n", [50, 49])
def test_threshold_gives_balanced_bits(rows, n):
    reduction = PcaThreshold(6, 3)
    reduction.fit(rows[:n].float())
    bits = reduction(rows[:n].float())
    assert bits.dtype == torch.float32
    assert set(bits.unique().tolist()) == {0.0, 1.0}
    assert bits.sum(dim=0).tolist() == [n // 2] * 3
    components = reduction.pca(rows[:n].float())
    assert torch.equal(bits, (components.double() > components.double().quantile(0.5, dim=0)).float())


def test_threshold_is_that_of_the_rows_it_was_fitted_on(rows):
    reduction = PcaThreshold(6, 1)
    reduction.fit(rows[:40].float())
    one_by_one = torch.cat([reduction(row[None].float()) for row in rows])
    assert torch.equal(one_by_one, reduction(rows.float()))


@pytest.mark.parametrize("reduction", [Pca, PcaThreshold])
def test_too_many_components_name_both_keys_that_ask_for_them(reduction):
    with pytest.raises(ConfigurationError, match=r"Set n_qubits=2 or fewer, .* or n_features=2\."):
        reduction(2, 4)
