import pytest

from app.config import Config, ConfigError


@pytest.mark.parametrize("sender", ["Oneslot <bookings@clinic.example>", "bookings@clinic.example"])
def test_mails_can_come_from_an_address_with_or_without_a_name(sender: str):
    assert Config.from_env({"MAIL_FROM": sender}).mail_from == sender


@pytest.mark.parametrize("sender", ["Oneslot", "<>", "Oneslot <bookings>", "a@b.example\r\nBcc: c@d.example"])
def test_a_sender_that_no_mail_can_come_from_is_refused_at_the_start(sender: str):
    with pytest.raises(ConfigError, match="MAIL_FROM"):
        Config.from_env({"MAIL_FROM": sender})
