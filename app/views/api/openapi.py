"""`/api/openapi.json`, and the Swagger UI that shows it to admins."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, url_for
from flask_appbuilder import BaseView, expose

from app.views.admin.access import Answer, permitted
from app.views.api.answers import json_answer
from app.views.api.openapi_document import document

blueprint = Blueprint("api_openapi", __name__, url_prefix="/api")


@blueprint.get("/openapi.json")
def show() -> Response:
    return json_answer(document(current_app.config["PUBLIC_URL"]))


class SwaggerView(BaseView):
    """`/swagger/v1`, with Flask-AppBuilder's page and its files, showing our document."""

    route_base = "/swagger"
    default_view = "show"

    @expose("/v1")
    @permitted("show")
    def show(self) -> Answer:
        page: str = self.render_template(
            "appbuilder/swagger/swagger.html", openapi_uri=url_for("api_openapi.show")
        )
        return page
