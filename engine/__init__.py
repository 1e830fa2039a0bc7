"""Who runs what where: the engine Protocol and its implementation in the server's process."""
