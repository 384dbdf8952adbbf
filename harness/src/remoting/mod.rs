//! The RocketMQ remoting protocol: its frames, and a small client for administration.
