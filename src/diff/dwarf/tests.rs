//! Debug sections of real pairs and of small ones made here.
