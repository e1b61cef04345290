"""The keys that tests seal with: those that every process under test has, too."""

from app.config import Config

KEYRING = Config.from_env({"APP_ENV": "test"}).keyring
