"""The service over HTTP: runs are started, watched, stopped, resumed and audited here."""
