"""What quantum computers in the cloud cost: prices, plans, budgets, the ledger of what was bought, and its results."""

from qlayers.spending.budget import Budget, BudgetExceeded
from qlayers.spending.cache import Cache
from qlayers.spending.ledger import Ledger, Purchase
from qlayers.spending.plan import Plan, shots_for
from qlayers.spending.prices import PriceList, Prices
from qlayers.spending.spent import Spent

__all__ = [
    "Budget",
    "BudgetExceeded",
    "Cache",
    "Ledger",
    "Plan",
    "PriceList",
    "Prices",
    "Purchase",
    "Spent",
    "shots_for",
]
