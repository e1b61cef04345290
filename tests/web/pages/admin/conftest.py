from tests.web.pages.desk.conftest import chief, colleague, receptionist

__all__ = ["chief", "colleague", "receptionist"]
