from comms.actions.deliveries.pump import pump, ring_for_due
from comms.actions.deliveries.wishes import unsubscribe

__all__ = ["pump", "ring_for_due", "unsubscribe"]
