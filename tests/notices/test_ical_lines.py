from icalendar import Calendar

from app.notices.ical_lines import folded, text_value

ODD = "Mía, 预约; \\ «long» " + "ü€🩺" * 40


def test_what_is_written_is_read_back_by_a_library_whatever_letters_it_has():
    lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", f"SUMMARY:{text_value(ODD)}", "END:VEVENT", "END:VCALENDAR"]

    text = folded(lines)

    (event,) = Calendar.from_ical(text).walk("VEVENT")
    assert str(event["SUMMARY"]) == ODD
    physical = text.split(b"\r\n")
    assert max(map(len, physical)) <= 75
    assert [line.decode() for line in physical], "no letter is cut in two"


def test_a_name_cannot_begin_a_line_of_its_own():
    (line,) = folded([f"SUMMARY:{text_value('Eve' + chr(13) + chr(10) + 'END:VEVENT')}"]).splitlines()

    assert line == b"SUMMARY:Eve\\nEND:VEVENT"
