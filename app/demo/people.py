"""Who lives in the demo: accounts, doctors and patients that do not exist."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select

from app.accounts.actions import NewAccount, add_account
from app.accounts.passwords import Passwords
from app.accounts.principals import Role
from app.database import Database
from app.directory.directory import Directory
from app.directory.doctors import DoctorDraft, create_doctor
from app.directory.patients import PatientDraft, create_patient
from app.tables import Doctor, Patient, User

SEED = "seed"
PASSWORD = "oneslot-demo"  # noqa: S105 - printed on every start, refused in production
#: The patient whose appointments one sees after logging in.
PATIENT_ADDRESS = "patient@example.org"
#: The account of load tests: limits that a few hundred clients stay under, but limits.
LOAD_ADDRESS, LOAD_FACTOR = "load@example.org", 10_000
ACCOUNTS = (
    ("admin@example.org", "Alex Admin", Role.ADMIN),
    ("operator@example.org", "Olga Operator", Role.OPERATOR),
    ("desk@example.org", "Dana Desk", Role.STAFF),
    (PATIENT_ADDRESS, "Paula Patient", Role.PATIENT),
    (LOAD_ADDRESS, "Lola Load", Role.PATIENT),
)

LAKESIDE, GARDEN = "Lakeside Clinic", "Garden Street Practice"
#: Name, specialization, address, years of experience, hospital.
DOCTORS = (
    ("Dr. Mira Sommer", "Cardiology", "mira.sommer@example.org", 18, LAKESIDE),
    ("Dr. Jonas Lindqvist", "Dermatology", "jonas.lindqvist@example.org", 9, LAKESIDE),
    ("Dr. Amara Okafor", "Pediatrics", "amara.okafor@example.org", 14, GARDEN),
    ("Dr. Teresa Almeida", "Orthopedics", "teresa.almeida@example.org", 22, GARDEN),
    ("Dr. Kenji Watanabe", "General Medicine", "kenji.watanabe@example.org", 6, LAKESIDE),
)
PATIENTS = (
    PatientDraft("Paula Patient", PATIENT_ADDRESS, "+49 30 5550201"),
    PatientDraft("Lukas Brandt", "lukas.brandt@example.org", "+49 30 5550202"),
    PatientDraft("Nadia Haddad", "nadia.haddad@example.org", "+49 30 5550203", "prefers mornings"),
    PatientDraft("Oliver Novak", "oliver.novak@example.org", "+49 30 5550204"),
    PatientDraft("Sofia Rossi", "sofia.rossi@example.org", "+49 30 5550205"),
    PatientDraft("Emil Jansen", "emil.jansen@example.org", "+49 30 5550206", "call rather than write"),
    PatientDraft("Hanna Keller", "hanna.keller@example.org", "+49 30 5550207"),
    PatientDraft("Ravi Menon", "ravi.menon@example.org", "+49 30 5550208"),
    PatientDraft("Clara Dubois", "clara.dubois@example.org", "+49 30 5550209"),
    PatientDraft("Tomasz Zielinski", "tomasz.zielinski@example.org", "+49 30 5550210"),
)


def add_accounts(database: Database, passwords: Passwords) -> int:
    """The accounts that are missing; how many those were."""
    with database.read() as connection:
        known = set(connection.execute(select(User.email)).scalars())
    missing = [account for account in ACCOUNTS if account[0] not in known]
    for email, name, role in missing:
        account = NewAccount(
            email,
            name,
            passwords.hash(PASSWORD),
            role,
            all_doctors=role is Role.STAFF,
            limit_factor=LOAD_FACTOR if email == LOAD_ADDRESS else 1,
        )
        database.run(partial(add_account, account=account))
    return len(missing)


def add_doctors(directory: Directory, zone: str) -> int:
    """The doctors who were never there; one who was renamed or deleted does not come back."""
    with directory.database.read() as connection:
        known = {value for row in connection.execute(select(Doctor.name, Doctor.email)) for value in row}
    missing = [doctor for doctor in DOCTORS if doctor[0] not in known and doctor[2] not in known]
    for name, specialization, address, years, hospital in missing:
        draft = DoctorDraft(name, specialization, zone, address, None, years, hospital)
        create_doctor(directory, draft, SEED)
    return len(missing)


def add_patients(directory: Directory) -> int:
    with directory.database.read() as connection:
        known = set(connection.execute(select(Patient.email)).scalars())
    missing = [patient for patient in PATIENTS if patient.email not in known]
    for patient in missing:
        create_patient(directory, patient, SEED)
    return len(missing)
