"""The blueprint all pages hang on; its name is the first half of their endpoints."""

from apiflask import APIBlueprint

pages = APIBlueprint("pages", __name__, template_folder="../templates", enable_openapi=False)
