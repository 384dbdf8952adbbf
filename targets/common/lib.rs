//! What every sample service shares.
