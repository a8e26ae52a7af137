"""The back-office's home."""

from __future__ import annotations

from flask_appbuilder import IndexView, expose


class HomeView(IndexView):
    """`/backoffice/`."""

    route_base = "/backoffice"

    @expose("/")
    def index(self) -> str:
        return self.render_template("admin/home.html", appbuilder=self.appbuilder)
