from tests.web.conftest import client

__all__ = ["client"]
