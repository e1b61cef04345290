from tests.notices.conftest import postgres_clinic

__all__ = ["postgres_clinic"]
