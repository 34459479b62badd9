"""The product's settings with waits that a drill can sit out. Stands alone: older versions' workers read it too."""

from kaireon.settings import *  # noqa: F403

# Eight retries, as good as never used up by a receiver that fails a third of the time.
DELIVERY_RETRY_SECONDS = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 5.0, 5.0]
DELIVERY_TOTAL_SECONDS = 3.0
