"""Which orders count, said plainly for one order: what imports and reports are held against."""

from retention.orders import OrderStatus


def order_counts(status: OrderStatus, *, amount: int, refunded: int, is_return: bool) -> bool:
    """Tell whether an order counts: paid, not wholly cancelled or returned, and not itself a return.

    Wholly refunded means that something went back and nothing stayed; a free order (amount 0) that was paid counts.
    """
    wholly_refunded = refunded > 0 and refunded >= amount
    return status is OrderStatus.PAID and not is_return and not wholly_refunded
