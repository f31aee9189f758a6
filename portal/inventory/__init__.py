"""Stock: batches at clinics and pharmacies, and the ledger that alone moves what they hold."""
