"""Classical networks: the twins that a hybrid is compared with."""
